# What the backend gets as Authorization.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

# "gateway:secret" and "gateway:fresh"
our $Secret = 'Basic Z2F0ZXdheTpzZWNyZXQ=';
our $Fresh = 'Basic Z2F0ZXdheTpmcmVzaA==';

our $Target = 'GET /v2/acme/app/manifests/1';

our $BasicConfig = <<'END';
    location /v2/ {
        registry on;
        registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
        proxy_pass http://backend;
    }

    location = /backend.secret {
        dav_methods PUT DELETE;
        root $TEST_NGINX_HTML_DIR;
    }
END

run_tests();

__DATA__

=== TEST 1: nothing by default
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- response_body eval
"$::Target []\n"
--- access_log
backend: GET /v2/acme/app/manifests/1 HTTP/1.0 auth=[-]


=== TEST 2: the other headers stay as they are, in order
--- config
location /v2/ {
    registry on;
    proxy_set_header Host backend;
    proxy_set_header Connection close;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/raw.sock;
}
--- tcp_listen: $TEST_NGINX_HTML_DIR/raw.sock
--- tcp_reply eval
"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n"
--- tcp_query eval
"GET /v2/acme/app/manifests/1 HTTP/1.0\r\nHost: backend\r\n"
. "Connection: close\r\nAccept: a/b\r\nX-Before: 1\r\nAccept: c/d\r\n"
. "X-After: 2\r\n\r\n"
--- request eval: $::Target
--- more_headers eval
"Accept: a/b\nX-Before: 1\n" . main::basic('puller') . "\nAccept: c/d\n"
. "Proxy-Authorization: Basic eDp5\nX-After: 2"


=== TEST 3: passthrough
--- config
location /v2/ {
    registry on;
    registry_backend_auth passthrough;
    proxy_pass http://backend;
}
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- response_body eval
"$::Target [" . main::basic('puller') =~ s/Authorization: //r . "]\n"


=== TEST 4: the credentials of the gateway, whatever the client sent
--- config eval: $::BasicConfig
--- user_files
>>> backend.secret
gateway:secret
--- request eval
[($::Target) x 2]
--- more_headers eval
[main::basic('puller'), main::bearer('puller')]
--- error_code eval
[200, 200]
--- response_body eval
[("$::Target [$::Secret]\n") x 2]


=== TEST 5: for anonymous clients, too
--- config
location /v2/ {
    registry on;
    registry_anonymous repository:acme/**:pull;
    registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
    proxy_pass http://backend;
}
--- user_files
>>> backend.secret
gateway:secret
--- request eval: $::Target
--- response_body eval
"$::Target [$::Secret]\n"


=== TEST 6: the file is read again when it changes
--- config eval: $::BasicConfig
--- user_files
>>> backend.secret
gateway:secret
--- request eval
[$::Target, "PUT /backend.secret\ngateway:fresh", $::Target]
--- more_headers eval
[main::basic('puller'), '', main::basic('puller')]
--- wait: 1.2
--- timeout: 5
--- error_code eval
[200, 204, 200]
--- response_body eval
["$::Target [$::Secret]\n", '', "$::Target [$::Fresh]\n"]


=== TEST 7: a file that goes or breaks keeps the last good value
--- config eval: $::BasicConfig
--- user_files
>>> backend.secret
gateway:secret
--- request eval
[$::Target, "PUT /backend.secret\nno-colon", $::Target,
 "DELETE /backend.secret", $::Target]
--- more_headers eval
[main::basic('puller'), '', main::basic('puller'), '', main::basic('puller')]
--- wait: 1.2
--- timeout: 5
--- error_code eval
[200, 204, 200, 204, 200]
--- response_body eval
["$::Target [$::Secret]\n", '', "$::Target [$::Secret]\n", '',
 "$::Target [$::Secret]\n"]


=== TEST 8: each location sends its own, after an internal redirect as well
--- config
location /v2/ {
    registry on;
    proxy_intercept_errors on;
    error_page 404 = @second;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/first.sock;
}
location @second {
    registry on;
    registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
    proxy_pass http://backend;
}
--- http_config eval
$::HttpConfig . <<'END'
server {
    listen unix:$TEST_NGINX_HTML_DIR/first.sock;
    access_log $TEST_NGINX_SERVER_ROOT/logs/access.log backend;
    return 404;
}
END
--- user_files
>>> backend.secret
gateway:secret
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- response_body eval
"$::Target [$::Secret]\n"
--- access_log
backend: GET /v2/acme/app/manifests/1 HTTP/1.0 auth=[-]


=== TEST 9: without registry nothing is taken away
--- config
location /v2/ {
    proxy_pass http://backend;
}
--- request eval: $::Target
--- more_headers
Authorization: Basic eDp5
--- response_body eval
"$::Target [Basic eDp5]\n"


=== TEST 10: a location that is open still keeps the key to itself
--- config
location /v2/ {
    registry on;
    registry_auth off;
    proxy_pass http://backend;
}
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- response_body eval
"$::Target []\n"


=== TEST 11: proxy_set_header of the operator wins
--- config
location /v2/ {
    registry on;
    proxy_set_header Authorization "Bearer mine";
    proxy_pass http://backend;
}
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- response_body eval
"$::Target [Bearer mine]\n"


=== TEST 12: and $http_authorization has nothing to give away
--- config
location /v2/ {
    registry on;
    proxy_set_header X-Copy "[$http_authorization]";
    proxy_set_header X-User "[$remote_user]";
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/copy.sock;
}
--- http_config eval
$::HttpConfig . <<'END'
server {
    listen unix:$TEST_NGINX_HTML_DIR/copy.sock;
    return 200 "copy=$http_x_copy user=$http_x_user\n";
}
END
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- response_body
copy=[] user=[]


=== TEST 13: what one backend gets is not for the next
--- config
location /v2/acme/error/ {
    registry on;
    registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
    proxy_intercept_errors on;
    error_page 404 = @second;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/first.sock;
}
location /v2/acme/accel/ {
    registry on;
    registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/first.sock;
}
location @second {
    proxy_pass http://backend;
}
location /third/ {
    internal;
    proxy_pass http://backend;
}
--- http_config eval
$::HttpConfig . <<'END'
server {
    listen unix:$TEST_NGINX_HTML_DIR/first.sock;
    location /v2/acme/error/ {
        return 404;
    }
    location /v2/acme/accel/ {
        add_header X-Accel-Redirect /third/x;
        return 200;
    }
}
END
--- user_files
>>> backend.secret
gateway:secret
--- request eval
["GET /v2/acme/error/manifests/1", "GET /v2/acme/accel/manifests/1"]
--- more_headers eval
[(main::basic('puller')) x 2]
--- error_code eval
[200, 200]
--- response_body eval
["GET /v2/acme/error/manifests/1 []\n", "GET /third/x []\n"]


=== TEST 14: nor for a mirror
--- config
location /v2/ {
    registry on;
    registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
    mirror /mirror;
    proxy_pass http://backend;
}
location = /mirror {
    internal;
    proxy_pass http://backend/mirrored;
}
--- user_files
>>> backend.secret
gateway:secret
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- access_log eval
["backend: $::Target HTTP/1.0 auth=[$::Secret]",
 'backend: GET /mirrored HTTP/1.0 auth=[-]']


=== TEST 15: without a store the file is followed as well
--- http_config
server {
    listen unix:$TEST_NGINX_HTML_DIR/echo.sock;
    return 200 "[$http_authorization]\n";
}
--- config
location /v2/ {
    registry on;
    registry_auth off;
    registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/echo.sock;
}
location = /backend.secret {
    dav_methods PUT;
    root $TEST_NGINX_HTML_DIR;
}
--- user_files
>>> backend.secret
gateway:secret
--- request eval
[$::Target, "PUT /backend.secret\ngateway:fresh", $::Target]
--- wait: 1.2
--- timeout: 5
--- error_code eval
[200, 204, 200]
--- response_body eval
["[$::Secret]\n", '', "[$::Fresh]\n"]


=== TEST 16: nor for a dry run, which gets what the client sent
--- config
location /v2/acme/error/ {
    registry on;
    registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
    proxy_intercept_errors on;
    error_page 404 = @second;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/first.sock;
}
location /v2/acme/accel/ {
    registry on;
    registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/first.sock;
}
location @second {
    registry on;
    registry_auth dry_run;
    proxy_pass http://backend;
}
location /v2/third/ {
    registry on;
    registry_auth dry_run;
    proxy_pass http://backend;
}
--- http_config eval
$::HttpConfig . <<'END'
server {
    listen unix:$TEST_NGINX_HTML_DIR/first.sock;
    location /v2/acme/error/ {
        return 404;
    }
    location /v2/acme/accel/ {
        add_header X-Accel-Redirect /v2/third/x/manifests/1;
        return 200;
    }
}
END
--- user_files
>>> backend.secret
gateway:secret
--- request eval
["GET /v2/acme/error/manifests/1", "GET /v2/acme/accel/manifests/1"]
--- more_headers eval
[main::basic('puller'), main::bearer('puller')]
--- error_code eval
[200, 200]
--- response_body eval
["GET /v2/acme/error/manifests/1 ["
 . main::basic('puller') =~ s/Authorization: //r . "]\n",
 "GET /v2/third/x/manifests/1 ["
 . main::bearer('puller') =~ s/Authorization: //r . "]\n"]


=== TEST 17: and a mirror that is a dry run gets nobody's
--- config
location /v2/ {
    registry on;
    registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
    mirror /mirror;
    proxy_pass http://backend;
}
location = /mirror {
    internal;
    registry on;
    registry_auth dry_run;
    proxy_pass http://backend/mirrored;
}
--- user_files
>>> backend.secret
gateway:secret
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- access_log eval
["backend: $::Target HTTP/1.0 auth=[$::Secret]",
 'backend: GET /mirrored HTTP/1.0 auth=[-]']


=== TEST 18: nor does auth_basic of the next location take it for the client's
--- config
location /v2/ {
    registry on;
    registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
    proxy_intercept_errors on;
    error_page 404 = @second;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/first.sock;
}
location @second {
    auth_basic closed;
    auth_basic_user_file $TEST_NGINX_HTML_DIR/htpasswd;
    proxy_pass http://backend;
}
--- http_config eval
$::HttpConfig . <<'END'
server {
    listen unix:$TEST_NGINX_HTML_DIR/first.sock;
    return 404;
}
END
--- user_files
>>> backend.secret
gateway:secret
>>> htpasswd
gateway:{PLAIN}secret
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- error_code_like: ^(?:401|502)$
--- no_access_log
backend:
