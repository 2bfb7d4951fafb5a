# "registry api": the same keys in front of any HTTP API.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $OwnStore = ">>> store.json\n" . store(
    keys => [
        map { key_record(@$_) }
            [caller  => scopes => ['api:chat:invoke']],
            [all     => scopes => ['api:chat:*']],
            [wild    => scopes => ['api:ch*:invoke']],
            [reader  => scopes => ['api:chat:read']],
            [other   => scopes => ['api:mail:invoke']],
            [images  => roles => ['registry-admin']],
            [late    => scopes => ['api:chat:invoke'],
                        expires_at => '2020-01-01T00:00:00Z'],
    ],
    tenants => [tenant('acme')]
);

our $Api = <<'END';
    location / {
        registry api "api:chat:invoke";
        add_header X-Registry
            "$registry_operation $registry_decision $registry_reason" always;
        proxy_pass http://backend;
    }
END

no_root_location();
run_tests();

__DATA__

=== TEST 1: who may, and who may not
--- config eval: $::Api
--- user_files eval: $::OwnStore
--- request eval
[("POST /chat/completions") x 8]
--- more_headers eval
['', map { main::bearer($_) } qw( caller all wild reader other images late )]
--- error_code eval
[401, 200, 200, 200, 403, 403, 403, 401]
--- response_headers eval
[map { "X-Registry: api $_" }
     'deny no_credentials', 'allow granted', 'allow granted', 'allow granted',
     'deny scope', 'deny scope', 'deny scope', 'deny expired']
--- response_body eval
[main::unauthorized(), ("POST /chat/completions []\n") x 3,
 (main::denied()) x 3, main::unauthorized('the API key has expired')]


=== TEST 2: any target and any body is the API's own affair
--- config eval: $::Api
--- user_files eval: $::OwnStore
--- request eval
["GET /a//b/../c%2Fd?x=1&x=2;y=%zz&mount=1", "BREW /pot", "GET /v2/x/y",
 "POST /form\na=b", "GET /body\nhello"]
--- more_headers eval
[(main::bearer('caller')) x 3,
 main::bearer('caller') . "\nContent-Type: application/x-www-form-urlencoded",
 main::bearer('caller')]
--- error_code eval
[(200) x 5]
--- response_body eval
["GET /a//b/../c%2Fd?x=1&x=2;y=%zz&mount=1 []\n", "BREW /pot []\n",
 "GET /v2/x/y []\n", "POST /form []\n", "GET /body []\n"]


=== TEST 3: the challenge names the API
--- config
location / {
    registry api "api:chat:invoke";
    registry_challenge bearer realm=https://auth.example.org/token;
    proxy_pass http://backend;
}
--- user_files eval: $::OwnStore
--- request
POST /chat/completions
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="https://auth.example.org/token",scope="api:chat:invoke"


=== TEST 4: anonymous callers
--- config
location / {
    registry api "api:chat:invoke";
    registry_anonymous api:chat:invoke;
    proxy_pass http://backend;
}
--- user_files eval: $::OwnStore
--- request
POST /chat/completions
--- response_body
POST /chat/completions []


=== TEST 5: beside a registry, each location by its own rule
--- config
location /v2/ {
    registry on;
    proxy_pass http://backend;
}
location /chat/ {
    registry api api:chat:invoke;
    proxy_pass http://backend;
}
location /mail/ {
    registry api api:mail:invoke;
    proxy_pass http://backend;
}
--- user_files eval: $::OwnStore
--- request eval
["GET /v2/acme/app/manifests/1", "GET /chat/x", "GET /mail/x",
 "GET /v2/acme/app/manifests/1", "GET /chat/x", "GET /mail/x"]
--- more_headers eval
[(main::bearer('caller')) x 3, main::bearer('images'),
 (main::bearer('other')) x 2]
--- error_code eval
[403, 200, 403, 200, 403, 200]


=== TEST 6: a location inside takes the scope of its own
--- config
registry api api:chat:invoke;
location / {
    proxy_pass http://backend;
}
location /read/ {
    registry api api:chat:read;
    proxy_pass http://backend;
}
location /health {
    registry off;
    proxy_pass http://backend;
}
--- user_files eval: $::OwnStore
--- request eval
["GET /x", "GET /read/x", "GET /read/x", "GET /health", "GET /x"]
--- more_headers eval
[main::bearer('caller'), main::bearer('caller'), main::bearer('reader'), '', '']
--- error_code eval
[200, 403, 200, 200, 401]


=== TEST 7: a dry run
--- config
location / {
    registry api api:chat:invoke;
    registry_auth dry_run;
    proxy_pass http://backend;
}
--- user_files eval: $::OwnStore
--- request
POST /chat/completions
--- error_log
would be denied: reason no_credentials
