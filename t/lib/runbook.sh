# The runbooks of docs/, as tests run them: each line of "sh" below a heading, as
# one script for each block, which is to succeed, or to fail where the comment
# behind it says "FAILS".  Sourced after e2e.sh.
#
#     runbook DOCUMENT HEADING [N]...   runs its blocks, or only these, counted
#                                       from one; what they print is in $output
#     blocks_of DOCUMENT HEADING LANGUAGE [N]
#                                       prints them
#     localise                          maps the paths, addresses and words of
#                                       documents to those of the test: $id is
#                                       ID, $layer DIGEST; $redis_port, $edge_port,
#                                       $sentinel_url and $cluster_url are used
#                                       where they are set
#     no_faults                         nginx -t has nothing to say
#     answer KEY                        what the gateway says to a list of tags,
#                                       of $host where that is set
#     answers_key KEY STATUS            it is that
#     watch KEY, unwatch [SECONDS]      what it says meanwhile: each status once

output=$dir/output
work=$dir/work
etc=$dir/gateway/etc/nginx
host=
id= layer= redis_port= edge_port= sentinel_url= cluster_url=

mkdir -p "$dir/bin" "$dir/work" "$dir/gateway/etc/nginx"
ln -s "$NGX_REGISTRY" "$dir/bin/ngx-registry"


# nginx of the gateway, whatever it is asked.

cat > "$dir/bin/nginx" <<END
#!/bin/sh
exec "$(command -v "$NGINX")" -p "$dir/gateway" -e "$gateway_errors" \\
    -c "$dir/gateway/etc/nginx/nginx.conf" "\$@"
END
chmod +x "$dir/bin/nginx"


localise() {
    local sentinels=${sentinel_url#redis+sentinel://}
    local nodes=${cluster_url#redis+cluster://}

    sed -e "s|/var/lib/ngx-registry|$dir/gateway|g" \
        -e "s|/etc/nginx/|$dir/gateway/etc/nginx/|g" \
        -e "s|/etc/docker/registry/|$dir/backend/|g" \
        -e "s|/var/log/nginx/|$dir/gateway/log/|g" \
        -e "s|-h 10.0.0.1 -p 26379|-p ${sentinel_ports[0]-}|" \
        -e "s|10.0.0.1,10.0.0.2,10.0.0.3/registry|$sentinels|" \
        -e "s|10.0.0.1,10.0.0.2,10.0.0.3|$nodes|" \
        -e "s|127.0.0.1:8080|$gateway|g" \
        -e "s|127.0.0.1:5000|127.0.0.1:$BACKEND_PORT|g" \
        -e "s|edge.example.net:8081|127.0.0.1:$edge_port|g" \
        -e "s|\bDIGEST\b|$layer|g" \
        -e "s|\([ \"]\)ID\b|\1$id|g"
}


blocks_of() {                                   # DOCUMENT HEADING LANGUAGE [N]
    awk -v heading="## $2" -v fence="\`\`\`$3" -v wanted="${4:-0}" '
        $0 == heading       { here = 1; next }
        /^## / && !inside   { here = 0 }
        here && /^```/      { inside = !inside && $0 == fence; n += inside; next }
        here && inside && (!wanted || n == wanted)
    ' "$top/docs/$1"
}


# "FAILS" or nothing, for each block.

comments_of() {                                 # DOCUMENT HEADING
    awk -v heading="## $2" '
        $0 == heading       { here = 1; next }
        /^## / && !inside   { here = 0 }
        here && /^```sh$/   { inside = 1; next }
        here && inside && /^```$/ {
            inside = 0
            getline
            print /^<!-- FAILS -->$/ ? "FAILS" : "-"
        }
    ' "$top/docs/$1"
}


runbook() {                                     # DOCUMENT HEADING [N]...
    local document=$1 heading=$2 comments n status

    shift 2
    mapfile -t comments < <(comments_of "$document" "$heading")
    [ $# != 0 ] || set -- $(seq ${#comments[@]})
    [ $# != 0 ] || ok 1 "$heading: there are commands"

    for n; do
        blocks_of "$document" "$heading" sh "$n" | localise > "$dir/script"
        (cd "$dir/work" && PATH=$dir/bin:$PATH bash -eu -o pipefail \
            "$dir/script" < /dev/null) > "$output" 2>&1
        status=$?

        # what fails where it should is as it should be

        [ "${comments[n - 1]}" != FAILS ] || status=$((!status))
        ok $status "$heading: $(head -n 1 "$dir/script" | globalise)"
        [ $status = 0 ] || diag "$(cat "$dir/script" "$output")"
    done
}


# The same in each run.

globalise() {
    sed -e "s|$dir/gateway/etc/nginx|/etc/nginx|g" \
        -e "s|$dir/gateway|/var/lib/ngx-registry|g" \
        -e "s|$dir|...|g" -e "s|127.0.0.1:[0-9]*|127.0.0.1|g" \
        ${id:+-e "s|$id|ID|g"} ${layer:+-e "s|$layer|DIGEST|g"}
}


no_faults() {                                   # NAME
    is "$("$dir/bin/nginx" -t 2>&1 |
        grep -vE '\[info\]|syntax is ok|test is successful')" "" \
        "$1: nginx -t has nothing to say"
}


answer() {                                      # KEY
    key=$1
    status GET /v2/acme/app/tags/list ${host:+-H "Host: $host"}
}


answers_key() {                                 # KEY STATUS
    [ "$(answer "$1")" = "$2" ]
}


# What a key is answered while something goes on: each status once, in
# $dir/watched when unwatch has ended it.

watch() {                                       # KEY
    rm -f "$dir/watch-ends"
    background bash -c '
        while [ ! -e "$1/watch-ends" ]; do
            curl -s -o /dev/null -w "%{http_code}\n" -u "x:$2" \
                "http://$3/v2/acme/app/tags/list"
            sleep 0.05
        done > "$1/watch"' - "$dir" "$1" "$gateway"
    watcher=$!
}


unwatch() {
    sleep "${1:-0}"
    touch "$dir/watch-ends"
    wait $watcher
    sort -u "$dir/watch" | xargs
}
