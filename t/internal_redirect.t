# Internal redirects, subrequests and other access modules: the decision is on
# what the client sent, is made before anything else, and is kept.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $Target = 'GET /v2/acme/app/manifests/1';

# a backend that knows nothing, and says so to the log

our $Empty = $HttpConfig . <<'END';
    server {
        listen unix:$TEST_NGINX_HTML_DIR/empty.sock;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log backend;
        location / {
            return 404;
        }
    }
END

# user "guest" with password "guest"
our $Guest = 'Authorization: Basic Z3Vlc3Q6Z3Vlc3Q=';

our $Htpasswd = ">>> htpasswd\nguest:{PLAIN}guest\n";

run_tests();

__DATA__

=== TEST 1: a named location behind error_page
--- http_config eval: $::Empty
--- config
location /v2/ {
    registry on;
    proxy_intercept_errors on;
    error_page 404 = @second;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/empty.sock;
}
location @second {
    registry on;
    add_header X-Who
        "[$registry_key_id $registry_operation $registry_repository]" always;
    proxy_pass http://backend;
}
--- request eval
[$::Target, $::Target, "GET /v2/_catalog?n=5000",
 "POST /v2/acme/app/blobs/uploads/?mount=$::Digest&from=rival/x"]
--- more_headers eval
[main::basic('puller'), '', main::basic('admin'), main::basic('pusher')]
--- error_code eval
[200, 401, 200, 200]
--- response_headers eval
["X-Who: [puller000000 pull acme/app]", "!X-Who",
 "X-Who: [admin0000000 catalog ]", "X-Who: [pusher000000 mount acme/app]"]
--- response_body eval
["$::Target []\n", main::unauthorized(), "GET /v2/_catalog?n=1000 []\n",
 "POST /v2/acme/app/blobs/uploads/ []\n"]


=== TEST 2: nothing is asked of the first backend by who is refused
--- http_config eval: $::Empty
--- config
location /v2/ {
    registry on;
    proxy_intercept_errors on;
    error_page 404 = @second;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/empty.sock;
}
location @second {
    registry on;
    proxy_pass http://backend;
}
--- request eval: $::Target
--- more_headers eval: main::basic('rival')
--- error_code: 403
--- no_access_log
backend:


=== TEST 3: the second location without a registry still knows who it was
--- http_config eval: $::Empty
--- config
location /v2/ {
    registry on;
    proxy_intercept_errors on;
    error_page 404 = @second;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/empty.sock;
}
location @second {
    add_header X-Who "$registry_tenant $registry_key_id $registry_decision";
    proxy_pass http://backend;
}
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- response_headers
X-Who: acme puller000000 allow
--- response_body eval
"$::Target []\n"


=== TEST 4: a refusal may be answered elsewhere, which asks no backend
--- config
location /v2/ {
    registry on;
    error_page 401 403 = @refused;
    proxy_pass http://backend;
}
location @refused {
    default_type text/plain;
    return 418 "$registry_decision $registry_reason\n";
}
--- request eval
[$::Target, $::Target, $::Target]
--- more_headers eval
['', main::basic('rival'), main::basic('puller')]
--- error_code eval
[418, 418, 200]
--- response_body eval
["deny no_credentials\n", "deny scope\n", "$::Target []\n"]


=== TEST 5: a refusal that is sent to a guarded location is refused there
--- config
location /v2/ {
    registry on;
    error_page 401 403 = @refused;
    proxy_pass http://backend;
}
location @refused {
    registry on;
    proxy_pass http://backend;
}
--- request eval
[$::Target, $::Target]
--- more_headers eval
['', main::basic('rival')]
--- error_code eval
[401, 403]
--- no_access_log
backend:


=== TEST 6: what is not canonical is not laundered by a redirect
--- config
location /v2/ {
    registry on;
    error_page 400 = @second;
    proxy_pass http://backend;
}
location @second {
    registry on;
    proxy_pass http://backend;
}
--- request
GET /v2/acme//app/manifests/1
--- more_headers eval: main::basic('admin')
--- error_code: 400
--- no_access_log
backend:


=== TEST 7: a stricter second location has the last word
--- http_config eval: $::Empty
--- config
location /v2/ {
    registry on;
    registry_anonymous repository:**:pull;
    proxy_intercept_errors on;
    error_page 404 = @second;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/empty.sock;
}
location @second {
    registry on;
    proxy_pass http://backend;
}
--- request eval
[$::Target, $::Target]
--- more_headers eval
['', main::basic('puller')]
--- error_code eval
[401, 200]


=== TEST 8: try_files
--- config
location /v2/ {
    registry on;
    try_files /none @backend;
}
location @backend {
    registry on;
    proxy_pass http://backend;
}
--- request eval
[$::Target, $::Target, "PUT /v2/acme/app/manifests/1"]
--- more_headers eval
['', main::basic('puller'), main::basic('puller')]
--- error_code eval
[401, 200, 403]
--- response_body eval
[main::unauthorized(), "$::Target []\n", main::denied()]


=== TEST 9: try_files shows no file to who is refused
--- config
location /v2/ {
    registry on;
    root $TEST_NGINX_HTML_DIR;
    try_files /file.txt =404;
}
--- user_files
>>> file.txt
contents
--- request eval
[$::Target, $::Target]
--- more_headers eval
['', main::basic('puller')]
--- error_code eval
[401, 200]
--- response_body eval
[main::unauthorized(), "contents\n"]


=== TEST 10: auth_request sees nothing of who is refused
--- config
location /v2/ {
    registry on;
    auth_request /check;
    proxy_pass http://backend;
}
location = /check {
    internal;
    access_log $TEST_NGINX_SERVER_ROOT/logs/access.log;
    proxy_pass http://backend/check;
}
--- request eval: $::Target
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="registry"
--- no_access_log
backend:


=== TEST 11: and has its say about the others
--- config
location /v2/ {
    registry on;
    auth_request /check;
    proxy_pass http://backend;
}
location = /check {
    internal;
    proxy_set_header X-Tenant $registry_tenant;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/check.sock:/check;
}
--- http_config eval
$::HttpConfig . <<'END'
map $http_x_tenant $verdict {
    default 403;
    acme    204;
}
server {
    listen unix:$TEST_NGINX_HTML_DIR/check.sock;
    if ($verdict = 403) {
        return 403;
    }
    return 204;
}
END
--- request eval
[$::Target, "GET /v2/rival/app/manifests/1", $::Target]
--- more_headers eval
[main::basic('puller'), main::basic('rival'), main::basic('puller')]
--- error_code eval
[200, 403, 200]
--- response_body eval
["$::Target []\n", main::denied(), "$::Target []\n"]


=== TEST 12: a mirror sees nothing of who is refused, and no key
--- config
location /v2/ {
    registry on;
    mirror /mirror;
    proxy_pass http://backend;
}
location = /mirror {
    internal;
    proxy_pass http://backend/mirrored$request_uri;
}
--- request eval
[$::Target]
--- more_headers eval
[main::basic('puller')]
--- response_body eval
"$::Target []\n"
--- access_log
backend: GET /v2/acme/app/manifests/1 HTTP/1.0 auth=[-]
backend: GET /mirrored/v2/acme/app/manifests/1 HTTP/1.0 auth=[-]


=== TEST 13: refused
--- config
location /v2/ {
    registry on;
    mirror /mirror;
    proxy_pass http://backend;
}
location = /mirror {
    internal;
    proxy_pass http://backend/mirrored$request_uri;
}
--- request eval: $::Target
--- error_code: 401
--- no_access_log
backend:


=== TEST 14: "satisfy any" with an address
--- config
location /v2/ {
    satisfy any;
    allow 127.0.0.1;
    deny all;
    registry on;
    proxy_pass http://backend;
}
--- request eval
[$::Target, $::Target, "GET /v2/acme//app/manifests/1", "BREW /v2/",
 "POST /v2/acme/app/blobs/uploads/?mount=$::Digest&from=rival/x",
 "GET /v2/_catalog?n=5000", "GET /v2/acme/app/manifests/1\nbody"]
--- more_headers eval
['', main::basic('ghost'), ('') x 5]
--- error_code eval
[200, 200, 400, 405, 200, 200, 400]
--- response_body eval
["$::Target []\n", "$::Target []\n",
 main::error_body('NAME_INVALID',
                  'the request target is not in canonical form'),
 main::error_body('UNSUPPORTED', 'the endpoint does not take this method'),
 "POST /v2/acme/app/blobs/uploads/ []\n", "GET /v2/_catalog?n=1000 []\n",
 main::error_body('UNSUPPORTED', 'the request may not have a body')]


=== TEST 15: "satisfy any" without the address needs a key
--- config
location /v2/ {
    satisfy any;
    allow 192.0.2.1;
    deny all;
    registry on;
    proxy_pass http://backend;
}
--- request eval
[$::Target, $::Target, $::Target]
--- more_headers eval
[main::basic('puller'), '', main::basic('rival')]
--- error_code_like eval
['^200$', '^401$', '^403$']


=== TEST 16: "satisfy all" needs both
--- config
location /v2/ {
    satisfy all;
    deny all;
    registry on;
    proxy_pass http://backend;
}
--- request eval
[$::Target, $::Target]
--- more_headers eval
['', main::basic('puller')]
--- error_code eval
[401, 403]
--- no_access_log
backend:


=== TEST 17: "satisfy any" with auth_basic takes a user or a key
--- config
location /v2/ {
    satisfy any;
    auth_basic closed;
    auth_basic_user_file $TEST_NGINX_HTML_DIR/htpasswd;
    registry on;
    proxy_pass http://backend;
}
--- user_files eval: $::Htpasswd
--- request eval
[$::Target, $::Target, "POST /v2/x/blobs/uploads/?mount=$::Digest&from=y"]
--- more_headers eval
[main::basic('puller'), $::Guest, $::Guest]
--- error_code eval
[200, 200, 200]
--- response_headers eval
[("!WWW-Authenticate") x 3]
--- response_body eval
["$::Target []\n", "$::Target []\n", "POST /v2/x/blobs/uploads/ []\n"]


=== TEST 18: and challenges once
--- config
location /v2/ {
    satisfy any;
    auth_basic closed;
    auth_basic_user_file $TEST_NGINX_HTML_DIR/htpasswd;
    registry on;
    proxy_pass http://backend;
}
--- user_files eval: $::Htpasswd
--- request eval: $::Target
--- error_code: 401
--- raw_response_headers_unlike: WWW-Authenticate.*WWW-Authenticate
--- no_access_log
backend:


=== TEST 19: variables in a subrequest speak of the client's request
--- config
location /v2/ {
    registry on;
    mirror /mirror;
    proxy_pass http://backend;
}
location = /mirror {
    internal;
    proxy_set_header Authorization
        "$registry_operation $registry_repository $registry_key_id";
    proxy_pass http://backend/mirrored;
}
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- access_log
backend: GET /mirrored HTTP/1.0 auth=[pull acme/app puller000000]


=== TEST 20: a page that includes a guarded location keeps the key back
--- config
location = /page.html {
    ssi on;
    root $TEST_NGINX_HTML_DIR;
}
location /v2/ {
    registry on;
    proxy_pass http://backend;
}
--- user_files
>>> page.html
page <!--#include virtual="/v2/acme/app/manifests/1" -->
--- request
GET /page.html
--- more_headers eval: main::basic('puller')
--- no_access_log
auth=[Basic


=== TEST 21: X-Accel-Redirect of the backend leads to the operator's location
--- http_config eval
$::HttpConfig . <<'END'
server {
    listen unix:$TEST_NGINX_HTML_DIR/accel.sock;
    location / {
        add_header X-Accel-Redirect /files/blob;
        return 200;
    }
}
END
--- config
location /v2/ {
    registry on;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/accel.sock;
}
location /files/ {
    internal;
    add_header X-Who $registry_key_id;
    root $TEST_NGINX_HTML_DIR;
}
--- user_files
>>> files/blob
layer
--- request eval
[$::Target, $::Target]
--- more_headers eval
[main::basic('puller'), '']
--- error_code eval
[200, 401]
--- response_headers eval
["X-Who: puller000000", "!X-Who"]
--- response_body eval
["layer\n", main::unauthorized()]


=== TEST 22: a rewrite of the operator does not change what is decided
--- config
location /v2/ {
    registry on;
    rewrite ^/v2/acme/(.*)$ /v2/prefix/$1 break;
    proxy_pass http://backend;
}
--- request eval
[$::Target, "GET /v2/prefix/app/manifests/1"]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 403]
--- response_body eval
["GET /v2/prefix/app/manifests/1 []\n", main::denied()]
