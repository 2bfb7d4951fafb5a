# Tokens of other issuers, made with openssl.
#
#     . "$(dirname "$0")/../lib/oidc.sh"
#
#     oidc_key NAME RSA|EC           makes $dir/NAME.pem
#     oidc_jwk NAME                  prints its public JWK; its kid is NAME
#     oidc_jwks NAME...              prints a JWKS
#     oidc_token NAME CLAIMS [HEADER]
#                                    prints a token with these claims, JSON, and
#                                    those of HEADER in place of its own; null: none
#
# and issuers whose jobs pull, all of them with the key "ci":
#
#     oidc_admit NAME TENANT         sets the record of an issuer, to whose jobs
#                                    on the branch main all of a tenant is open
#     oidc_job NAME [SUBJECT]        prints a token of such a job
#     oidc_gateway NAME...           a server that knows them, in $http_extra; it
#                                    is at $oidc_port

b64url() {
    openssl base64 -A | tr '+/' '-_' | tr -d =
}


oidc_key() {                                    # NAME RSA|EC
    if [ "$2" = RSA ]; then
        openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 \
            -out "$dir/$1.pem" 2> /dev/null
    else
        openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 \
            -out "$dir/$1.pem" 2> /dev/null
    fi
}


oidc_is_rsa() {                                 # NAME
    openssl rsa -in "$dir/$1.pem" -noout 2> /dev/null
}


oidc_jwk() {                                    # NAME
    local n x y

    if oidc_is_rsa "$1"; then
        n=$(openssl rsa -in "$dir/$1.pem" -noout -modulus |
            sed 's/.*=//' | xxd -r -p | b64url)
        printf '{"kty":"RSA","alg":"RS256","use":"sig","kid":"%s","n":"%s",' \
            "$1" "$n"
        printf '"e":"AQAB"}'
    else
        x=$(openssl pkey -in "$dir/$1.pem" -pubout -outform DER |
            tail -c 64 | head -c 32 | b64url)
        y=$(openssl pkey -in "$dir/$1.pem" -pubout -outform DER |
            tail -c 32 | b64url)
        printf '{"kty":"EC","crv":"P-256","alg":"ES256","use":"sig",'
        printf '"kid":"%s","x":"%s","y":"%s"}' "$1" "$x" "$y"
    fi
}


oidc_jwks() {                                   # NAME...
    local name comma=

    printf '{"keys":['
    for name; do
        printf '%s' "$comma"
        oidc_jwk "$name"
        comma=,
    done
    printf ']}\n'
}


# The signature of standard input: r and s, each of 32 bytes, for EC.

oidc_sign() {                                   # NAME
    if oidc_is_rsa "$1"; then
        openssl dgst -sha256 -sign "$dir/$1.pem"
    else
        openssl dgst -sha256 -sign "$dir/$1.pem" |
            openssl asn1parse -inform DER |
            sed -n 's/.*INTEGER *://p' |
            while read -r hex; do printf '%064s' "$hex" | tr ' ' 0; done |
            xxd -r -p
    fi
}


oidc_token() {                                  # NAME CLAIMS [HEADER]
    local alg=ES256 input

    ! oidc_is_rsa "$1" || alg=RS256

    input=$(printf '{"alg":"%s","typ":"JWT","kid":"%s"}' "$alg" "$1" |
        jq -jc ". + ${3:-{\}} | with_entries(select(.value != null))" |
        b64url).$(printf '%s' "$2" | b64url)

    printf '%s.%s' "$input" "$(printf '%s' "$input" | oidc_sign "$1" | b64url)"
}


oidc_admit() {                                  # NAME TENANT
    "$NGX_REGISTRY" issuer set "$1" --file - <<END
{"issuer":"https://$1","audience":"tests",
 "rules":[{"claims":{"ref":"main"},"tenant":"$2","roles":["image-puller"]}]}
END
}


oidc_job() {                                    # NAME [SUBJECT]
    oidc_token ci "{\"iss\":\"https://$1\",\"aud\":\"tests\",\"sub\":\"${2-job}\",
        \"ref\":\"main\",\"exp\":$(($(date +%s) + 900))}"
}


oidc_gateway() {                                # NAME...
    local backend

    backend=$(free_port)
    oidc_port=$(free_port)
    http_extra="
    server {
        listen 127.0.0.1:$backend;
        return 200;
    }

    server {
        listen 127.0.0.1:$oidc_port;
        $(printf "registry_oidc %s jwks=file:$dir/ci.json; " "$@")

        location /v2/ {
            registry on;
            add_header X-Reason \$registry_reason always;
            add_header X-Tenant \$registry_tenant always;
            proxy_pass http://127.0.0.1:$backend;
        }
    }"
}
