#!/bin/bash
#
# An upstream by https: it has to be who it says, by a certificate that is
# trusted, or nothing is asked of it, and no token goes there.

. "$(dirname "$0")/../lib/nginx.sh"

port=$(free_port)
mkdir "$dir/tmp"


# A certificate that has signed itself

certificate() {                                 # FILE HOST
    openssl req -x509 -newkey rsa:2048 -nodes -days 1 -subj "/CN=$2" \
        -addext "subjectAltName=DNS:$2" -keyout "$dir/$1.key" \
        -out "$dir/$1.pem" 2> /dev/null
}

certificate hub hub.test
certificate other other.test
certificate stranger strange.test
cat "$dir/hub.pem" "$dir/other.pem" > "$dir/trusted.pem"


# hub.test has the right certificate, wrong.test that of other.test, and
# strange.test one of its own making; auth.test gives tokens.

hub() {                                         # SOCKET CERTIFICATE
    cat <<END
    server {
        listen unix:$dir/$1.sock ssl;
        ssl_certificate $dir/$2.pem;
        ssl_certificate_key $dir/$2.key;
        access_log $dir/$1.log asked;

        location = /token {
            return 200 '{"token":"good"}';
        }

        location / {
            set \$wants 'Bearer realm="https://hub.test/token",service="hub"';
            if (\$http_authorization != "Bearer good") {
                add_header WWW-Authenticate \$wants always;
                return 401;
            }
            return 200 "of the hub\n";
        }
    }
END
}


pull_through() {                                # NAME SOCKET
    cat <<END
        location /v2/$1/ {
            registry on;
            registry_auth off;
            registry_pull_through $1;
            proxy_ssl_verify on;
            proxy_ssl_trusted_certificate $dir/trusted.pem;
        }
END
}

cat > "$dir/nginx.conf" <<END
$(nginx_user)
load_module $MODULE;
pid $dir/nginx.pid;
error_log $dir/error.log info;

events { }

http {
    $(nginx_paths "$dir/tmp")
    log_format asked '\$ssl_server_name \$uri [\$http_authorization]';
    access_log off;

    upstream hub.test { server unix:$dir/hub.sock; }
    upstream wrong.test { server unix:$dir/wrong.sock; }
    upstream strange.test { server unix:$dir/strange.sock; }

    registry_upstream hub {
        url https://hub.test;
        prefix hub;
        realm https://hub.test/token;
    }

    registry_upstream wrong {
        url https://wrong.test;
        prefix wrong;
    }

    registry_upstream strange {
        url https://strange.test;
        prefix strange;
    }

$(hub hub hub; hub wrong other; hub strange stranger)

    server {
        listen 127.0.0.1:$port;

$(pull_through hub; pull_through wrong; pull_through strange)
    }
}
END

start_nginx "$dir/nginx.conf" "$port" "$dir/error.log" ||
    { ok 1 "nginx starts"; diag "$(cat "$dir/nginx.out" "$dir/error.log")"; }


pull() {                                        # NAME
    curl -s -m 10 -o "$dir/body" -w '%{http_code}' \
        "http://127.0.0.1:$port/v2/$1/app/manifests/1"
}


is "$(pull hub) $(< "$dir/body")" "200 of the hub" "an upstream by https"
is "$(< "$dir/hub.log")" "hub.test /v2/app/manifests/1 [-]
hub.test /token [-]
hub.test /v2/app/manifests/1 [Bearer good]" \
   "it is asked by its name, and so is its realm"

is "$(pull wrong)" 502 "one that has the certificate of another"
is "$(pull strange)" 502 "one that has made its certificate itself"
is "$(cat "$dir/wrong.log" "$dir/strange.log")" "" "are asked nothing"
is "$(jq -r '.errors[0].code' "$dir/body")" UNAVAILABLE "which the client is told"
is "$(grep -c 'upstream SSL certificate' "$dir/error.log")" 2 \
   "and the log why"
is "$(grep -E '\[(emerg|alert|crit)\]' "$dir/error.log")" "" \
   "nginx complains of nothing"

finish
