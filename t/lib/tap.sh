# Test results in TAP, for the tests that are shell scripts:
#
#     . "$(dirname "$0")/../lib/tap.sh"
#
#     is "$(id -u)" 0 "runs as root"
#     runs "tool prints its version" tool --version
#     finish

export LC_ALL=C.UTF-8

tap_count=0
tap_failed=0


ok() {                                          # CONDITION-STATUS NAME
    tap_count=$((tap_count + 1))

    if [ "$1" = 0 ]; then
        echo "ok $tap_count - $2"
    else
        tap_failed=$((tap_failed + 1))
        echo "not ok $tap_count - $2"
    fi
}


diag() {
    printf '%s\n' "$*" | sed 's/^/# /'
}


is() {                                          # GOT WANTED NAME
    if [ "$1" = "$2" ]; then
        ok 0 "$3"
    else
        ok 1 "$3"
        diag "got:    $1"
        diag "wanted: $2"
    fi
}


like() {                                        # GOT EXTENDED-REGEX NAME
    if [[ $1 =~ $2 ]]; then
        ok 0 "$3"
    else
        ok 1 "$3"
        diag "got:    $1"
        diag "wanted: $2"
    fi
}


# The command succeeds; what it printed is shown when it does not.

runs() {                                        # NAME COMMAND...
    local name=$1 output status=0

    shift
    output=$("$@" 2>&1) || status=$?
    ok $status "$name"

    [ $status = 0 ] || diag "$* exited with $status: $output"
}


# The command fails, and says what it should.

fails() {                                       # NAME EXTENDED-REGEX COMMAND...
    local name=$1 regex=$2 output status=0

    shift 2
    output=$("$@" 2>&1) || status=$?

    if [ $status != 0 ] && [[ $output =~ $regex ]]; then
        ok 0 "$name"
    else
        ok 1 "$name"
        diag "$* exited with $status: $output"
        diag "wanted a failure that says: $regex"
    fi
}


skip_all() {                                    # REASON
    echo "1..0 # SKIP $*"
    exit 0
}


finish() {
    echo "1..$tap_count"
    [ $tap_failed = 0 ]
    exit
}
