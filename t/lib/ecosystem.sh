# For the tests of others that this project runs.
#
#     . "$(dirname "${BASH_SOURCE[0]}")/ecosystem.sh"
#
#     $tools            the directory of what scripts/ecosystem-tools builds
#     need TOOL         skips the test where there is none
#     start_zot [true]  in place of start_backend, zot behind the recorder;
#                       with its "dedupe", which gives anybody's blob away
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


start_zot() {                                   # [DEDUPE]
    local port=$(free_port)

    jq -n --arg dir "$dir/backend/zot-$port" --arg port "$port" \
        --argjson dedupe "${1:-false}" \
        '{distSpecVersion: "1.1.1", log: {level: "info"},
          storage: {rootDirectory: $dir, dedupe: $dedupe},
          http: {address: "127.0.0.1", port: $port, compat: ["docker2s2"]}}' \
        > "$dir/backend/zot.json"
    background zot serve "$dir/backend/zot.json" \
        > "$dir/backend/log/zot.log" 2>&1
    start_recorder "$port" 200
}


save() {                                        # NAME
    cat > "$results/$1.md"
}
