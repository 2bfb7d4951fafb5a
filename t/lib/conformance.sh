# The conformance suite of the OCI distribution specification, asked of the
# backend and of the gateway before it: no test passes at the backend and fails
# at the gateway.
#
#     . "$(dirname "${BASH_SOURCE[0]}")/conformance.sh"
#
#     conform NAME      with a backend that is there; saves the table NAME

. "$(dirname "${BASH_SOURCE[0]}")/ecosystem.sh"

need conformance


# Prints "<status> <name>" for each test.  Several may have the same name, in an
# order that changes, so that only how many of them do what can be compared.

verdicts() {                                    # WHERE
    grep -o '<testcase name="[^"]*".* status="[a-z]*"' "$dir/$1/junit.xml" |
        sed -E 's/^<testcase name="([^"]*)".* status="([a-z]*)"$/\2 \1/' |
        sort
}


names() {                                       # WHERE
    cut -d ' ' -f 2- "$dir/$1.verdicts" | sort
}


# The names of tests that do not pass, more of them at the one than the other.

worse() {                                       # WHERE THAN
    awk '
        { name = substr($0, index($0, " ") + 1) }
        $1 != "passed" { n[name] += FILENAME == ARGV[1] ? 1 : -1 }
        END { for (name in n) if (n[name] > 0) print name }
    ' "$dir/$1.verdicts" "$dir/$2.verdicts" | sort
}


run_suite() {                                   # WHERE HOST [USER PASSWORD]
    (
        cd "$dir" || exit
        OCI_REGISTRY=$2 OCI_TLS=disabled OCI_USERNAME=${3-} OCI_PASSWORD=${4-} \
        OCI_REPO1=conformance/$1-one OCI_REPO2=conformance/$1-two \
        OCI_RESULTS_DIR=$dir/$1 \
            conformance > "$dir/$1.log" 2>&1
    )

    # it fails where one test does, so what counts is that it came to its end

    verdicts "$1" > "$dir/$1.verdicts"
    [ "$(grep -c '^passed' "$dir/$1.verdicts")" -gt 500 ]
    ok $? "$1: the suite runs"
}


# A section of the results, "name: status".

section() {                                     # WHERE SECTION
    sed -n "/^$2:\$/,/^[a-z]/s/^  \([^:]*\): *\(.*\)/\1:\2/p" \
        "$dir/$1/results.yaml" | sort
}


table() {
    local kind

    echo "| | directly | through the gateway |"
    echo "|---|---|---|"

    for status in passed failure skipped disabled; do
        echo "| tests: $status |" \
            "$(grep -c "^$status" "$dir/directly.verdicts") |" \
            "$(grep -c "^$status" "$dir/through.verdicts") |"
    done

    for kind in apis data; do
        join -t : <(section directly $kind) <(section through $kind) |
            grep -v 'Disabled' | sed 's/:/ | /g; s/.*/| & |/'
    done
}


conform() {                                     # NAME
    registry tenant set conformance
    key=$(new_key --tenant conformance --role registry-admin \
        --scope 'repository:conformance/**:*')
    start_gateway

    run_suite directly "127.0.0.1:$BACKEND_PORT"
    run_suite through "$gateway" someone "$key"

    is "$(names directly)" "$(names through)" "both are asked the same"
    is "$(worse through directly)" "" \
       "none passes at the backend and not at the gateway"
    diag "passed through the gateway alone:"
    diag "$(worse directly through)"

    table | save "$1"
    key=
}
