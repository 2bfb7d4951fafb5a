# A challenge of the backend never reaches the client, which would send the
# backend its key: it becomes 502.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $Challenging = $HttpConfig . <<'END';
    server {
        listen unix:$TEST_NGINX_HTML_DIR/picky.sock;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log backend;
        default_type application/json;

        location / {
            add_header WWW-Authenticate 'Basic realm="backend"' always;
            return 401 '{"errors":[{"code":"UNAUTHORIZED"}]}';
        }

        location /v2/acme/bare/ {
            return 401 '{"errors":[{"code":"UNAUTHORIZED"}]}';
        }

        location /v2/acme/odd/ {
            add_header WWW-Authenticate 'Bearer realm="http://evil/"' always;
            return 200 'here';
        }

        location /v2/acme/denied/ {
            add_header WWW-Authenticate 'Bearer realm="http://evil/"' always;
            return 403 'denied';
        }

        location /v2/acme/good/ {
            return 403 '{"errors":[{"code":"DENIED"}]}';
        }
    }
END

sub gateway {
    my ($more) = @_;

    return <<"END";
    location /v2/ {
        registry on;
        $more
        proxy_pass http://unix:\$TEST_NGINX_HTML_DIR/picky.sock;
    }
END
}

our $Gateway = gateway('');

our $Unavailable = error_body(
    'UNAVAILABLE', 'the registry behind this gateway gave no valid answer');

run_tests();

__DATA__

=== TEST 1: 401 with a challenge, without one, and a challenge without 401
--- http_config eval: $::Challenging
--- config eval: $::Gateway
--- request eval
[map { "GET /v2/acme/$_/manifests/1" } qw( app bare odd denied )]
--- more_headers eval: main::basic('puller')
--- error_code eval
[(502) x 4]
--- response_headers eval
[(<<'END') x 4]
Content-Type: application/json
Docker-Distribution-Api-Version: registry/2.0
!WWW-Authenticate
END
--- response_body eval
[($::Unavailable) x 4]


=== TEST 2: the log says what to do
--- http_config eval: $::Challenging
--- config eval: $::Gateway
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 502
--- error_log
the backend wants credentials (status 401), see registry_backend_auth


=== TEST 3: HEAD
--- http_config eval: $::Challenging
--- config eval: $::Gateway
--- request
HEAD /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 502
--- response_headers
!WWW-Authenticate
--- response_body


=== TEST 4: passthrough alone does not let it through
--- http_config eval: $::Challenging
--- config eval: main::gateway('registry_backend_auth passthrough;')
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 502
--- response_headers
!WWW-Authenticate


=== TEST 5: a dry run alone does not either
--- http_config eval: $::Challenging
--- config eval: main::gateway('registry_auth dry_run;')
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 502
--- response_headers
!WWW-Authenticate


=== TEST 6: both together do: clients of the old credentials must get in
--- http_config eval: $::Challenging
--- config eval
main::gateway('registry_auth dry_run; registry_backend_auth passthrough;')
--- request
GET /v2/acme/app/manifests/1
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="backend"
--- response_body chomp
{"errors":[{"code":"UNAUTHORIZED"}]}


=== TEST 7: an open location keeps it back as well
--- http_config eval: $::Challenging
--- config eval: main::gateway('registry_auth off;')
--- request
GET /v2/acme/app/manifests/1
--- error_code: 502
--- response_headers
!WWW-Authenticate


=== TEST 8: a 403 of the backend is the backend's to give
--- http_config eval: $::Challenging
--- config eval: $::Gateway
--- request
GET /v2/acme/good/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 403
--- response_body chomp
{"errors":[{"code":"DENIED"}]}


=== TEST 9: an error page of the operator is still the operator's
--- http_config eval: $::Challenging
--- config
location /v2/ {
    registry on;
    error_page 502 /sorry.json;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location = /sorry.json {
    default_type application/json;
    root $TEST_NGINX_HTML_DIR;
}
--- user_files
>>> sorry.json
{"sorry":true}
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 502
--- response_headers
!WWW-Authenticate
--- response_body
{"sorry":true}


=== TEST 10: where the registry is off, all is as ever
--- http_config eval: $::Challenging
--- config
location /v2/ {
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
--- request
GET /v2/acme/app/manifests/1
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="backend"


=== TEST 11: keep-alive to the backend survives it
--- http_config eval
$::Challenging . <<'END'
upstream picky {
    server unix:$TEST_NGINX_HTML_DIR/picky.sock;
    keepalive 4;
}
END
--- config
location /v2/ {
    registry on;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_pass http://picky;
}
--- request eval
[map { "GET /v2/acme/$_/manifests/1" } qw( app good app good )]
--- more_headers eval: main::basic('puller')
--- error_code eval
[502, 403, 502, 403]


=== TEST 12: nor does it behind a refusal of our own
--- http_config eval: $::Challenging
--- config
location /v2/ {
    registry on;
    error_page 401 = @other;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location @other {
    registry on;
    registry_auth off;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
--- request
GET /v2/acme/app/manifests/1
--- error_code: 502
--- raw_response_headers_unlike: realm="backend"


=== TEST 13: nor does it where an address is enough, with a key or without
--- http_config eval: $::Challenging
--- config
location /v2/ {
    satisfy any;
    allow 127.0.0.1;
    deny all;
    registry on;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
--- request eval
[("GET /v2/acme/app/manifests/1") x 3, "GET /v2/acme/odd/manifests/1"]
--- more_headers eval
['', main::basic('ghost'), main::basic('puller'), '']
--- error_code eval
[(502) x 4]
--- response_headers eval
[("Content-Type: application/json\n!WWW-Authenticate") x 4]
--- response_body eval
[($::Unavailable) x 4]


=== TEST 14: nor does that of the second backend, which was to help
--- http_config eval: $::Challenging
--- config
location /v2/ {
    registry on;
    error_page 502 = @second;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location @second {
    registry on;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location /v2/acme/odd/ {
    registry on;
    error_page 502 = @third;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location @third {
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
--- request eval
["GET /v2/acme/app/manifests/1", "GET /v2/acme/odd/manifests/1"]
--- more_headers eval
[(main::basic('puller')) x 2]
--- error_code eval
[502, 502]
--- response_headers eval
[('!WWW-Authenticate') x 2]


=== TEST 15: nor does one that nginx gives to a page of the operator
--- http_config eval: $::Challenging
--- config
proxy_intercept_errors on;
location /v2/ {
    registry on;
    error_page 401 /login.html;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location /v2/acme/found/ {
    registry on;
    error_page 401 =200 /login.html;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location /v2/acme/open/ {
    registry on;
    registry_auth off;
    error_page 401 /login.html;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location /v2/acme/near/ {
    satisfy any;
    allow 127.0.0.1;
    registry on;
    error_page 401 /login.html;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location = /login.html {
    root $TEST_NGINX_HTML_DIR;
}
--- user_files
>>> login.html
log in, please
--- request eval
[map { "GET /v2/acme/$_/manifests/1" } qw( app found open near near )]
--- more_headers eval
[(main::basic('puller')) x 2, '', '', main::basic('puller')]
--- error_code eval
[(502) x 5]
--- response_headers eval
[('!WWW-Authenticate') x 5]
--- response_body_unlike eval
[('log in') x 5]


=== TEST 16: a page for our own 401 may come of a backend
--- http_config eval: $::Challenging
--- config
location /v2/ {
    registry on;
    error_page 401 /page;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location = /page {
    proxy_pass http://backend;
}
--- request
GET /v2/acme/app/manifests/1
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="registry"
--- response_body
GET /page []


=== TEST 17: a challenge that nginx kept does not come with our own refusal
--- http_config eval: $::Challenging
--- config
location /v2/ {
    registry on;
    registry_anonymous repository:acme/**:pull;
    proxy_intercept_errors on;
    error_page 401 = @second;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location @second {
    registry on;
    proxy_pass http://backend;
}
--- request
GET /v2/acme/app/manifests/1
--- error_code: 502
--- response_headers
!WWW-Authenticate


=== TEST 18: nor with the answer of another backend
--- http_config eval: $::Challenging
--- config
location /v2/ {
    registry on;
    proxy_intercept_errors on;
    error_page 401 = @second;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
location @second {
    registry on;
    proxy_pass http://backend;
}
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 502
--- response_headers
!WWW-Authenticate
