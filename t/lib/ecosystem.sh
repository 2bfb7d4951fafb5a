# For the tests of others that this project runs.
#
#     . "$(dirname "${BASH_SOURCE[0]}")/ecosystem.sh"
#
#     $tools            the directory of what scripts/ecosystem-tools builds
#     need TOOL         skips the test where there is none
#     save NAME         keeps a table, on standard input, in
#                       build/ecosystem/NAME.md

. "$(dirname "${BASH_SOURCE[0]}")/e2e.sh"

results=$top/${B:-build}/ecosystem
tools=$results/bin
PATH=$tools:$PATH
mkdir -p "$results"


need() {                                        # TOOL
    [ -x "$tools/$1" ] || skip_all "$1 was not built: make ecosystem builds it"
}


save() {                                        # NAME
    cat > "$results/$1.md"
}
