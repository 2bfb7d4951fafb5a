#!/bin/bash
#
# Keys of an issuer that is away: they are good for a day, and no longer.

. "$(dirname "$0")/../lib/nginx.sh"
. "$(dirname "$0")/../lib/oidc.sh"
. "$(dirname "$0")/../lib/clock.sh"

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
export REGISTRY_STORE=file:$dir/store.json

port=$(free_port)
issuer=$(free_port)

mkdir "$dir/www" "$dir/tmp"
oidc_key ci EC
oidc_jwks ci > "$dir/www/keys"

"$NGX_REGISTRY" tenant set acme
oidc_admit ci acme

# So many hours have passed; the time of day is as it was, so tokens do not end.

export CLOCK_STEADY=1

passed() {                                      # HOURS
    clock $(($1 * 3600))
}

cat > "$dir/nginx.conf" <<END
$(nginx_user)
load_module $MODULE;
pid $dir/nginx.pid;
error_log $dir/error.log info;

events { }

http {
    $(nginx_paths "$dir/tmp")
    access_log off;
    registry_store file:$dir/store.json;

    server {
        listen 127.0.0.1:$issuer;

        location = /keys { root $dir/www; }
        location / { return 200; }
    }

    server {
        listen 127.0.0.1:$port;
        registry_oidc ci jwks=/keys;

        location = /keys {
            internal;
            proxy_pass http://127.0.0.1:$issuer;
        }

        location /v2/ {
            registry on;
            proxy_pass http://127.0.0.1:$issuer;
        }
    }
}
END

start_nginx "$dir/nginx.conf" "$port" "$dir/error.log"


# With a token that nobody has seen before

pull() {
    curl -s -m 10 -o /dev/null -w '%{http_code}' \
        -H "Authorization: Bearer $(oidc_job ci "$RANDOM")" \
        "http://127.0.0.1:$port/v2/acme/app/manifests/1"
}

answers() {                                     # STATUS
    [ "$(pull)" = "$1" ]
}

is "$(pull)" 200 "a job pulls"

mv "$dir/www/keys" "$dir/www/gone"
passed 23
sleep 1
is "$(pull)" 200 "its issuer is away for 23 hours"
passed 25
runs "after a day nobody knows whose token it is" wait_for answers 503
mv "$dir/www/gone" "$dir/www/keys"
passed 26
runs "it is back" wait_for answers 200

is "$(grep -E '\[(emerg|alert|crit)\]' "$dir/error.log")" "" \
   "nginx complains of nothing"

finish
