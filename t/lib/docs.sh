# What README.md and docs/ show, as tests can use it.
#
#     . "$(dirname "$0")/../lib/docs.sh"
#
# The blocks of the documents, in $blocks:
#
#     <document>-<line>.<language>       what stands between ``` and ```; a
#                                        document in docs/reference/ is called
#                                        reference-...
#     <document>-<line>.<language>.ask   comments "<!-- ... -->" right behind it
#
# A sandbox stands in for a machine: the paths and addresses of the documents
# are mapped into $dir by localise, and back by globalise.

. "$(dirname "${BASH_SOURCE[0]}")/nginx.sh"
. "$(dirname "${BASH_SOURCE[0]}")/oidc.sh"

blocks=$dir/blocks
reference=("$top"/docs/reference/*.md)
documents=("$top/README.md" "$top"/docs/*.md "$top"/docs/reference/*.md)

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
REGISTRY_STORE=file:$dir/lib/store.json
export REGISTRY_STORE

mkdir -p "$blocks" "$dir/lib/egress" "$dir/etc" "$dir/cache" "$dir/access" \
    "$dir/tmp" "$dir/keys"

# What a document is called: README, limits, reference-limit.

name_of() {                                     # DOCUMENT
    local name=${1#"$top/"}

    name=${name#docs/}
    name=${name%.md}
    echo "${name//\//-}"
}


for document in "${documents[@]}"; do
    awk -v out="$blocks/$(name_of "$document")" '
        /^```[a-z]+$/ {
            file = sprintf("%s-%04d.%s", out, FNR, substr($0, 4))
            printf "" > file
            inside = 1
            next
        }
        /^```$/ {
            file = inside ? file : "/dev/null"
            ask = inside
            inside = !inside
            next
        }
        inside  { print > file; next }
        ask && sub(/^<!-- /, "") && sub(/ -->$/, "") {
            print > (file ".ask")
            next
        }
        { ask = 0 }
    ' "$document"
done


PORT=$(free_port)
BACKEND_PORT=$(free_port)


localise() {
    sed -e "s|^user .*|$(nginx_user)|" \
        -e "s|/usr/lib/nginx/modules/ngx_http_registry_module.so|$MODULE|" \
        -e "s|/var/lib/ngx-registry|$dir/lib|g" \
        -e "s|/etc/nginx/|$dir/etc/|g" \
        -e "s|/var/log/nginx/|$dir/access/|g" \
        -e "s|/var/cache/nginx/|$dir/cache/|g" \
        -e "s|127.0.0.1:8080|127.0.0.1:$PORT|g" \
        -e "s|127.0.0.1:5000|127.0.0.1:$BACKEND_PORT|g" \
        -e "s|127.0.0.1:5001|127.0.0.1:1|g" \
        -e "s|\(proxy_pass *\)https://[a-z.]*|\1http://127.0.0.1:$BACKEND_PORT|" \
        -e "s|/etc/ssl/certs/ca-certificates.crt|$dir/etc/redis-ca.pem|" "$@"
}


globalise() {
    sed -e "s|$dir/lib|/var/lib/ngx-registry|g" \
        -e "s|$dir/etc/|/etc/nginx/|g" "$@"
}


# The directives that stand at the top of a block, one a line.

top_directives() {
    sed 's/#.*//' | tr '\n' ' ' | awk '
        BEGIN { RS = "[;{}]"; depth = 0 }
        { if (depth == 0 && $1 != "") print $1 }
        RT == "{" { depth++ }
        RT == "}" { depth-- }
    '
}


# Directives that the http block alone may have.

http_directives() {
    awk '/^### / { name = $2 } /^    Context: +http$/ { print name }' \
        "${reference[@]}"
}


# Makes a whole nginx.conf of a block, by the level that its directives need.

whole_conf() {                                  # FILE
    local first=$(top_directives < "$1") level=location store=

    if grep -qx http <<< "$first"; then
        level=main
    elif grep -qxE "server|upstream|$(http_directives | paste -sd '|')" \
            <<< "$first"; then
        level=http
    elif grep -qx location <<< "$first"; then
        level=server
    elif grep -qE '^registry_(token_|oidc)' <<< "$first"; then
        level=http
    fi

    if [ $level = main ]; then
        sed "s|^http {|&$(system_paths)|" "$1"
        return
    fi

    # an example may leave out what every configuration has

    grep -q registry_store "$1" ||
        store="registry_store file:/var/lib/ngx-registry/store.json;"

    echo "user x;"
    echo "load_module /usr/lib/nginx/modules/ngx_http_registry_module.so;"
    echo "events { }"
    echo "http { $(system_paths) $store"
    [ $level = http ] || echo "server { listen 127.0.0.1:8080;"
    [ $level != location ] || echo "location /v2/ {"
    cat "$1"
    [ $level != location ] || echo "proxy_pass http://127.0.0.1:5000; }"
    [ $level = http ] || echo "}"
    echo "}"
}


# What every configuration needs to leave those of the system alone.

system_paths() {
    printf ' access_log %s; %s' "$dir/access/access.log" \
        "$(nginx_paths "$dir/tmp")"
}


nginx_test() (                                  # CONF
    "$NGINX" -p "$dir" -e "$dir/error.log" -c "$1" -t \
        -g "pid $dir/test.pid;" 2>&1
)


# What "nginx -t" says of a configuration that is as it should be.

nginx_is_content() {
    echo "nginx: the configuration file $dir/etc/nginx.conf syntax is ok"
    echo "nginx: configuration file $dir/etc/nginx.conf test is successful"
}


bail_out() {
    echo "Bail out! $*"
    tail -n 20 "$dir/error.log" | sed 's/^/# /'
    exit 1
}


# A backend that says what it was sent.

start_backend() {
    cat > "$dir/backend.conf" <<END
$(nginx_user)
events { }
http {
    $(system_paths)
    map \$http_authorization \$auth {
        ''       -;
        default  \$http_authorization;
    }
    server {
        listen 127.0.0.1:$BACKEND_PORT;
        location / {
            set \$said "\$request_method \$request_uri [\$auth]";
            return 200 "\$said x-tenant=\$http_x_tenant";
        }
    }
}
END
    start_nginx "$dir/backend.conf" "$BACKEND_PORT" "$dir/error.log" \
        "pid $dir/backend.pid;"
}


registry() {
    "$NGX_REGISTRY" "$@"
}


# The store of the sandbox, and the files that the documents speak of.  The key
# of a name is in $dir/keys/NAME.

make_store() {
    echo "a pepper that nobody guesses" > "$dir/etc/registry.pepper"
    echo "a password" > "$dir/etc/redis.password"
    openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes \
        -keyout /dev/null -out "$dir/etc/redis-ca.pem" -days 2 -subj /CN=ca \
        2> /dev/null
    echo "gateway:secret" > "$dir/etc/registry.backend"
    echo "a secret that nobody guesses" > "$dir/etc/cdn.key"
    openssl genrsa -out "$dir/etc/cloudfront.pem" 2048 2> /dev/null
    registry token keygen "$dir/etc/token.key" 2> /dev/null
    oidc_key gitlab EC
    oidc_jwks gitlab > "$dir/etc/gitlab-jwks.json"
    echo 'proxy_set_header Authorization "Bearer x";' \
        > "$dir/etc/cluster-token.conf"
    cp "$top/conf.example/registry_proxy.conf" "$dir/etc/"

    registry tenant set acme --label project=apollo > /dev/null

    make_key laptop --role image-puller
    make_key ci --role image-pusher
    make_key admin --role registry-admin
    make_key chat --scope api:chat:invoke
    make_key office --role image-puller --allow-from 10.0.0.0/8
    make_key peppered --role image-puller \
        --pepper-file "$dir/etc/registry.pepper"
}


make_key() {                                    # NAME ARGUMENT...
    local name=$1

    shift
    registry key create --tenant acme --name "$name" "$@" > "$dir/keys/$name"
}


# One request; prints status, headers and body.

ask() {                                         # METHOD PATH [OPTION]...
    local method=$1 path=$2

    shift 2
    [ "$method" != HEAD ] || set -- --head "$@"
    curl -sig --path-as-is -X "$method" "$@" "http://127.0.0.1:$PORT$path" |
        tr -d '\r'
}
