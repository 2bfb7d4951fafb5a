# For the tests of ngx-registry:
#
#     . "$(dirname "$0")/../lib/cli.sh"
#
# $store is a file in the sandbox that REGISTRY_STORE names and that does not
# exist yet.  If CLI_STORE is the URL of a Redis, and CLI_REDIS the command that
# writes there, it is a part of that which nobody else uses, and on_file fails.

. "$(dirname "${BASH_SOURCE[0]}")/sandbox.sh"
. "$(dirname "${BASH_SOURCE[0]}")/key.sh"

tool=${NGX_REGISTRY:-$top/build/ngx-registry}

store=$dir/store.json
export REGISTRY_STORE=file:$store
unset SUDO_USER


on_file() {
    [ -z "${CLI_STORE-}" ]
}


# A store that is empty, everything that is in it, and records that come into
# it; others stay in Redis, and not in a file.

parts=0

empty_store() {
    if on_file; then
        rm -f "$store" "$store.audit"
    else
        prefix=test$$-$((++parts)):
        REGISTRY_STORE=$CLI_STORE
        [[ $CLI_STORE = *\?* ]] && REGISTRY_STORE+='&' || REGISTRY_STORE+='?'
        REGISTRY_STORE+=prefix=$prefix
    fi
}

on_file || empty_store


get_store() {
    if on_file; then
        cat "$store"
    else
        "$tool" store export
    fi
}


put_store() {
    local section key

    if on_file; then
        cat > "$dir/new" && cat "$dir/new" > "$store"
        return
    fi

    cat > "$dir/new"

    for section in key tenant role; do
        jq -r ".${section}s // {} | keys[]" "$dir/new" |
            while read -r key; do
                jq -jc --arg k "$key" ".${section}s[\$k]" "$dir/new" |
                    $CLI_REDIS -x set "$prefix$section:$key" > /dev/null
            done
    done
}


# The store is what jq makes of it.

edit() {                                        # JQ-ARGUMENTS
    get_store | jq -c "$@" | put_store
}


# Lists have the order of a file, and none anywhere else.

in_order() {
    if on_file; then cat; else sort; fi
}

key_regex='^ngr_[0-9A-Za-z]{12}_[0-9A-Za-z]{38}$'
time_regex='[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}Z'


reg() {
    "$tool" "$@"
}


# What jq makes of the record of a key in the store.

record() {                                      # ID FILTER
    get_store | jq -r --arg id "$1" ".keys[\$id] | $2"
}


# What a store and its audit are, in one line.

state() {
    if on_file; then
        cat "$store" "$store.audit" 2> /dev/null
    else
        "$tool" store export 2>&1
        "$tool" audit list 2>&1
    fi | sha256sum
}


# The command prints exactly that, and succeeds in silence.

prints() {                                      # NAME WANTED COMMAND...
    local name=$1 wanted=$2 status=0 output

    shift 2
    output=$("$@" 2> "$dir/stderr") || status=$?

    if [ $status = 0 ] && [ ! -s "$dir/stderr" ]; then
        is "$output" "$wanted" "$name"
    else
        ok 1 "$name"
        diag "exit code $status: $(cat "$dir/stderr")"
    fi
}


# The command says exactly that on standard error and nothing on standard
# output, exits with that code, and leaves the store byte for byte as it was.

refuses() {                                     # NAME CODE SENTENCE COMMAND...
    local name=$1 code=$2 sentence=$3 before status=0 output

    shift 3
    before=$(state)
    output=$("$@" 2> "$dir/stderr" < /dev/null) || status=$?

    is "$status|$output|$(cat "$dir/stderr")|$(state)" \
       "$code||ngx-registry: $sentence|$before" "$name"
}


# The same for a command that succeeds: what it says on standard error.

says() {                                        # NAME REGEX COMMAND...
    local name=$1 regex=$2 status=0

    shift 2
    "$@" > "$dir/stdout" 2> "$dir/stderr" || status=$?
    like "$status|$(cat "$dir/stderr")" "^0\\|ngx-registry: $regex\$" "$name"
}
