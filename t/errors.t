# Errors that nginx makes by itself are registry JSON; those of the backend and
# of the operator stay as they are.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $Json = <<'END';
Content-Type: application/json
Docker-Distribution-Api-Version: registry/2.0
END

our $Target = 'GET /v2/acme/app/manifests/1';

sub raw {
    my (@lines) = @_;

    return join "\r\n", @lines, '', '';
}

run_tests();

__DATA__

=== TEST 1: 413, a body that is too large
--- config
location /v2/ {
    registry on;
    client_max_body_size 10;
    proxy_pass http://backend;
}
--- request
PUT /v2/acme/app/manifests/1
more than ten bytes
--- more_headers eval: main::basic('pusher')
--- error_code: 413
--- response_headers eval: $::Json
--- response_body eval
main::error_body('SIZE_INVALID', 'the request body is too large')
--- error_log
client intended to send too large body


=== TEST 2: 413, found out in the middle of a chunked body
--- config
location /v2/ {
    registry on;
    client_max_body_size 10;
    proxy_pass http://backend;
}
--- request eval
"PUT /v2/acme/app/manifests/1\n5\r\nhello\r\n9\r\nsomething\r\n0\r\n\r\n"
--- more_headers eval
main::basic('pusher') . "\nTransfer-Encoding: chunked"
--- error_code: 413
--- response_headers eval: $::Json
--- response_body eval
main::error_body('SIZE_INVALID', 'the request body is too large')


=== TEST 3: 414, a target that is too long
--- request eval
'GET /v2/' . 'a' x 9000 . '/manifests/1'
--- more_headers eval: main::basic('puller')
--- error_code: 414
--- response_headers eval: $::Json
--- response_body eval
main::error_body('NAME_INVALID', 'the request target is too long')


=== TEST 4: 400, a header that is too large
--- request eval: $::Target
--- more_headers eval
'X-Big: ' . 'a' x 9000
--- error_code: 400
--- response_headers eval: $::Json
--- response_body eval
main::error_body('UNSUPPORTED', 'malformed request')


=== TEST 5: 400, malformed requests
--- request eval
[($::Target) x 3, "$::Target\n0\r\n\r\n"]
--- more_headers eval
["Host: a\nHost: b", "Content-Length: x",
 "Content-Length: 1\nContent-Length: 2",
 "Transfer-Encoding: chunked\nContent-Length: 5"]
--- error_code eval
[(400) x 4]
--- response_headers eval
[($::Json) x 4]
--- response_body eval
[(main::error_body('UNSUPPORTED', 'malformed request')) x 4]
--- no_access_log
backend:


=== TEST 6: 400, no Host
--- raw_request eval
main::raw("$::Target HTTP/1.1")
--- error_code: 400
--- response_headers eval: $::Json


=== TEST 7: 405 for TRACE, 501 for a coding that nobody knows
--- request eval
["TRACE /v2/acme/app/manifests/1", "PUT /v2/acme/app/manifests/1\nx"]
--- more_headers eval
["X-A: 1", "Transfer-Encoding: gzip"]
--- error_code eval
[405, 501]
--- response_headers eval
[($::Json) x 2]
--- response_body eval
[main::error_body('UNSUPPORTED', 'the method is not allowed here'),
 main::error_body('UNSUPPORTED', 'not implemented')]


=== TEST 8: 429 and 503 of limit_req
--- http_config eval
$::HttpConfig . <<'END'
limit_req_zone $binary_remote_addr zone=one:1m rate=1r/m;
limit_req_zone $binary_remote_addr zone=two:1m rate=1r/m;
END
--- config
location /v2/acme/one/ {
    registry on;
    limit_req zone=one;
    limit_req_status 429;
    proxy_pass http://backend;
}
location /v2/acme/two/ {
    registry on;
    limit_req zone=two;
    proxy_pass http://backend;
}
--- request eval
[map { "GET /v2/acme/$_/manifests/1" } qw( one one two two )]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 429, 200, 503]
--- response_headers eval
["X-Backend: reached", $::Json, "X-Backend: reached", $::Json]
--- response_body eval
["GET /v2/acme/one/manifests/1 []\n",
 main::error_body('TOOMANYREQUESTS', 'too many requests'),
 "GET /v2/acme/two/manifests/1 []\n",
 main::error_body('UNAVAILABLE', 'service temporarily unavailable')]


=== TEST 9: 502, a backend that is down
--- config
location /v2/ {
    registry on;
    proxy_pass http://127.0.0.1:1;
}
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- error_code: 502
--- response_headers eval: $::Json
--- response_body eval
main::error_body('UNAVAILABLE',
                 'the registry behind this gateway gave no valid answer')
--- error_log
connect() failed


=== TEST 10: 502, a backend that hangs up
--- config
location /v2/ {
    registry on;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/raw.sock;
}
--- tcp_listen: $TEST_NGINX_HTML_DIR/raw.sock
--- tcp_reply eval: ''
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- error_code: 502
--- response_headers eval: $::Json
--- error_log
upstream prematurely closed connection


=== TEST 11: 504, a backend that does not answer
--- config
location /v2/ {
    registry on;
    proxy_read_timeout 100ms;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/raw.sock;
}
--- tcp_listen: $TEST_NGINX_HTML_DIR/raw.sock
--- tcp_reply eval: ''
--- tcp_reply_delay: 1s
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- error_code: 504
--- response_headers eval: $::Json
--- response_body eval
main::error_body('UNAVAILABLE',
                 'the registry behind this gateway did not answer in time')
--- error_log
upstream timed out


=== TEST 12: HEAD has the headers and no body
--- config
location /v2/ {
    registry on;
    proxy_pass http://127.0.0.1:1;
}
--- request eval
["HEAD /v2/acme/app/manifests/1", "HEAD /v2/acme/app/manifests/1"]
--- more_headers eval
[main::basic('puller'), '']
--- error_code eval
[502, 401]
--- response_headers eval
[$::Json . "Content-Length: 102", $::Json . "Content-Length: 73"]
--- response_body eval
['', '']


=== TEST 13: 403 of "deny" and of limit_except, 500 of a loop
--- config
location /v2/acme/a/ {
    registry on;
    deny all;
    proxy_pass http://backend;
}
location /v2/acme/b/ {
    registry on;
    limit_except GET { deny all; }
    proxy_pass http://backend;
}
location /v2/acme/c/ {
    registry on;
    try_files /none /v2/acme/c/none;
}
--- request eval
["GET /v2/acme/a/manifests/1", "PUT /v2/acme/b/manifests/1",
 "GET /v2/acme/c/manifests/1"]
--- more_headers eval: main::basic('pusher')
--- error_code eval
[403, 403, 500]
--- response_headers eval
[($::Json) x 3]
--- response_body eval
[main::denied(), main::denied(), main::error_body('UNKNOWN', 'internal error')]
--- no_access_log
backend:


=== TEST 14: "return" with a status and no text
--- config
location /v2/acme/closed/ {
    registry on;
    return 503;
}
--- request
GET /v2/acme/closed/manifests/1
--- error_code: 503
--- response_headers eval: $::Json
--- response_body eval
main::error_body('UNAVAILABLE', 'service temporarily unavailable')


=== TEST 15: "return" with a text, which is the operator's
--- config
location /v2/acme/closed/ {
    registry on;
    default_type text/plain;
    return 503 "closed until Monday\n";
}
--- request
GET /v2/acme/closed/manifests/1
--- error_code: 503
--- response_headers
Content-Type: text/plain
--- response_body
closed until Monday


=== TEST 16: the backend's own errors, JSON or not
--- http_config eval
$::HttpConfig . <<'END'
server {
    listen unix:$TEST_NGINX_HTML_DIR/rude.sock;
    location /v2/acme/json/ {
        default_type application/json;
        return 404 '{"errors":[{"code":"MANIFEST_UNKNOWN"}]}';
    }
    location /v2/acme/html/ {
        default_type text/html;
        return 404 '<p>No.</p>';
    }
    location /v2/acme/page/ {
        return 503;
    }
}
END
--- config
location /v2/ {
    registry on;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/rude.sock;
}
--- request eval
[map { "GET /v2/acme/$_/manifests/1" } qw( json html page )]
--- more_headers eval: main::basic('puller')
--- error_code eval
[404, 404, 503]
--- response_headers eval
["Content-Type: application/json\n!Docker-Distribution-Api-Version",
 "Content-Type: text/html", "Content-Type: text/html"]
--- response_body_like eval
['^\{"errors":\[\{"code":"MANIFEST_UNKNOWN"\}\]\}$', '^<p>No.</p>$',
 '^<html>.*503 Service']


=== TEST 17: an error page of the operator
--- config
location /v2/ {
    registry on;
    error_page 403 404 /errors/gone.html;
    error_page 401 /errors/login.html;
    proxy_pass http://backend;
}
location /errors/ {
    default_type text/html;
    root $TEST_NGINX_HTML_DIR;
}
--- user_files
>>> errors/gone.html
<p>gone</p>
>>> errors/login.html
<p>log in</p>
--- request eval
["PUT /v2/acme/app/manifests/1", "GET /v2/nowhere", $::Target]
--- more_headers eval
[main::basic('puller'), main::basic('puller'), '']
--- error_code eval
[403, 404, 401]
--- response_headers eval
["Content-Type: text/html", "Content-Type: text/html",
 qq{Content-Type: text/html\nWWW-Authenticate: Basic realm="registry"}]
--- response_body eval
["<p>gone</p>\n", "<p>gone</p>\n", "<p>log in</p>\n"]


=== TEST 18: an error page that is missing itself
--- config
location /v2/ {
    registry on;
    error_page 403 /errors/none.html;
    proxy_pass http://backend;
}
location /errors/ {
    registry on;
    root $TEST_NGINX_HTML_DIR;
}
--- request
PUT /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 403
--- no_access_log
backend:


=== TEST 19: outside of the registry nginx's pages stay
--- request eval
["GET /none", "GET /none/" . 'a' x 9000, "GET /none/%zz"]
--- error_code eval
[404, 414, 400]
--- response_headers eval
[("Content-Type: text/html\n!Docker-Distribution-Api-Version") x 3]
--- response_body_like eval
['<h1>404', '<h1>414', '<h1>400']


=== TEST 20: in a server without a registry as well
--- http_config eval
$::HttpConfig . <<'END'
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    location / {
        root $TEST_NGINX_HTML_DIR;
    }
}
END
--- config
location /v2/ {
    registry on;
    proxy_pass http://backend;
}
location /plain/ {
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1/v2/;
}
--- request
GET /plain/none
--- error_code: 404
--- response_headers
Content-Type: text/html


=== TEST 21: charset and gzip leave the body alone
--- config
location /v2/ {
    registry on;
    charset utf-8;
    gzip on;
    gzip_min_length 1;
    gzip_types application/json;
    proxy_pass http://backend;
}
--- request eval: $::Target
--- more_headers
Accept-Encoding: identity
--- error_code: 401
--- response_headers eval: $::Json
--- response_body eval: main::unauthorized()


=== TEST 22: HTTP/1.0
--- request eval
"$::Target HTTP/1.0"
--- error_code: 401
--- response_headers eval: $::Json
--- response_body eval: main::unauthorized()


=== TEST 23: conditions and ranges of the client do not apply to errors
--- request eval: $::Target
--- more_headers
Range: bytes=0-3
If-None-Match: *
If-Modified-Since: Sat, 01 Jan 2000 00:00:00 GMT
--- error_code: 401
--- response_body eval: main::unauthorized()


=== TEST 24: in a location that is open, too
--- config
location /v2/ {
    registry on;
    registry_auth off;
    proxy_pass http://127.0.0.1:1;
}
--- request eval: $::Target
--- error_code: 502
--- response_headers eval: $::Json
