# What clients without credentials may do.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $Public = <<'END';
    location /v2/ {
        registry on;
        registry_anonymous repository:public/**:pull
                           repository:incoming/*:push;
        add_header X-Reason $registry_reason always;
        add_header X-Who "[$registry_tenant/$registry_key_id]" always;
        proxy_pass http://backend;
    }
END

run_tests();

__DATA__

=== TEST 1: what is granted passes
--- config eval: $::Public
--- request eval
["GET /v2/public/app/manifests/1", "HEAD /v2/public/app/manifests/1",
 "GET /v2/public/app/tags/list", "PUT /v2/incoming/x/manifests/1"]
--- error_code eval
[(200) x 4]
--- response_headers eval
[("X-Reason: granted\nX-Who: [/]\n") x 4]
--- response_body eval
["GET /v2/public/app/manifests/1 []\n", '',
 "GET /v2/public/app/tags/list []\n",
 "PUT /v2/incoming/x/manifests/1 []\n"]


=== TEST 2: what is not granted is challenged, not denied
--- config eval: $::Public
--- request eval
["GET /v2/acme/app/manifests/1", "PUT /v2/public/app/manifests/1",
 "DELETE /v2/public/app/manifests/1", "GET /v2/_catalog",
 "GET /v2/incoming/x/manifests/1"]
--- error_code eval
[(401) x 5]
--- response_headers eval
[(qq{X-Reason: no_credentials\nWWW-Authenticate: Basic realm="registry"\n}) x 5]
--- response_body eval
[(main::unauthorized()) x 5]
--- no_access_log
backend:


=== TEST 3: a ping is always challenged, or clients never send credentials
--- config
location /v2/ {
    registry on;
    registry_anonymous repository:**:* registry:catalog:*;
    proxy_pass http://backend;
}
--- request eval
["GET /v2/", "HEAD /v2/", "GET /v2/any/thing/manifests/1", "GET /v2/_catalog"]
--- error_code eval
[401, 401, 200, 200]


=== TEST 4: wrong credentials are not taken for none
--- config eval: $::Public
--- request eval
[("GET /v2/public/app/manifests/1") x 4]
--- more_headers eval
[main::basic('ghost'), "Authorization: Basic YTpi", "Authorization: Bearer x",
 "Authorization: "]
--- error_code eval
[(401) x 4]
--- response_headers eval
["X-Reason: unknown_key", ("X-Reason: malformed") x 3]
--- no_access_log
backend:


=== TEST 5: a key is held to its own scopes
--- config eval: $::Public
--- request eval
["GET /v2/public/app/manifests/1", "GET /v2/acme/app/manifests/1"]
--- more_headers eval
[main::basic('puller'), main::basic('puller')]
--- error_code eval
[403, 200]
--- response_headers eval
["X-Reason: scope\nX-Who: [acme/puller000000]\n",
 "X-Reason: granted\nX-Who: [acme/puller000000]\n"]


=== TEST 6: anonymous traffic may be booked to a tenant
--- config
location /v2/ {
    registry on;
    registry_anonymous tenant=acme repository:public/**:pull;
    add_header X-Who "[$registry_tenant/$registry_key_id]" always;
    proxy_pass http://backend;
}
--- request
GET /v2/public/app/manifests/1
--- response_headers
X-Who: [acme/]


=== TEST 7: and the tenant may be found by a variable
--- http_config eval
$::HttpConfig . <<'END'
map $http_x_site $site {
    default guest;
    berlin  berlin;
}
END
--- config
location /v2/ {
    registry on;
    registry_anonymous tenant=$site repository:public/**:pull;
    add_header X-Who "[$registry_tenant/$registry_key_id]" always;
    proxy_pass http://backend;
}
--- request eval
[("GET /v2/public/app/manifests/1") x 2]
--- more_headers eval
["X-Site: berlin", "X-Site: other"]
--- error_code eval
[200, 200]
--- response_headers eval
["X-Who: [berlin/]", "X-Who: [guest/]"]


=== TEST 8: a mount by an anonymous client is held to both sides
--- config
location /v2/ {
    registry on;
    registry_anonymous repository:incoming/*:push repository:public/**:pull;
    proxy_pass http://backend;
}
--- request eval
["POST /v2/incoming/x/blobs/uploads/?mount=$::Digest&from=public/app",
 "POST /v2/incoming/x/blobs/uploads/?mount=$::Digest&from=acme/app"]
--- error_code eval
[200, 200]
--- response_body eval
["POST /v2/incoming/x/blobs/uploads/?mount=$::Digest&from=public/app []\n",
 "POST /v2/incoming/x/blobs/uploads/ []\n"]


=== TEST 9: a location may take it back
--- config
registry_anonymous repository:public/**:pull;
location /v2/ {
    registry on;
    proxy_pass http://backend;
}
location /v2/public/secret/ {
    registry on;
    registry_anonymous off;
    proxy_pass http://backend;
}
--- request eval
["GET /v2/public/app/manifests/1", "GET /v2/public/secret/manifests/1"]
--- error_code eval
[200, 401]
