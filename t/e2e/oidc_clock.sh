#!/bin/bash
#
# Keys of an issuer that is away: they are good for a day, and no longer.

. "$(dirname "$0")/../lib/nginx.sh"
. "$(dirname "$0")/../lib/oidc.sh"

NGX_REGISTRY=${NGX_REGISTRY:-$top/build/ngx-registry}
export REGISTRY_STORE=file:$dir/store.json

port=$(free_port)
issuer=$(free_port)

mkdir "$dir/www" "$dir/tmp"
oidc_key ci EC
oidc_jwks ci > "$dir/www/keys"

"$NGX_REGISTRY" tenant set acme
"$NGX_REGISTRY" issuer set ci --file - <<END
{"issuer":"https://ci","audience":"tests",
 "rules":[{"claims":{"ref":"main"},"tenant":"acme","roles":["image-puller"]}]}
END

gcc -shared -fPIC -O2 -o "$dir/clock.so" "$top/t/lib/clock.c" -ldl


# So many hours have passed; the time of day is as it was, so tokens do not end.

clock() {                                       # HOURS
    perl -e 'print pack("q", $ARGV[0] * 3600)' "$1" 1<> "$dir/clock"
}


: > "$dir/clock"
clock 0

export CLOCK_FILE=$dir/clock CLOCK_STEADY=1
TEST_NGINX_PRELOAD=${TEST_NGINX_PRELOAD:+$TEST_NGINX_PRELOAD:}$dir/clock.so

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
    local token

    token=$(oidc_token ci "{\"iss\":\"https://ci\",\"aud\":\"tests\",\"sub\":\"a\",
        \"ref\":\"main\",\"jti\":\"$RANDOM\",\"exp\":$(($(date +%s) + 900))}")
    curl -s -m 10 -o /dev/null -w '%{http_code}' \
        -H "Authorization: Bearer $token" \
        "http://127.0.0.1:$port/v2/acme/app/manifests/1"
}

answers() {                                     # STATUS
    [ "$(pull)" = "$1" ]
}

is "$(pull)" 200 "a job pulls"

mv "$dir/www/keys" "$dir/www/gone"
clock 23
sleep 1
is "$(pull)" 200 "its issuer is away for 23 hours"
clock 25
runs "after a day nobody knows whose token it is" wait_for answers 503
mv "$dir/www/gone" "$dir/www/keys"
clock 26
runs "it is back" wait_for answers 200

is "$(grep -E '\[(emerg|alert|crit)\]' "$dir/error.log")" "" \
   "nginx complains of nothing"

finish
