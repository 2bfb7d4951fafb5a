# The runner itself, against what plain nginx is known to do: so that a module
# that fails later is not the runner's fault.  It passes under upstream's
# library as well, which shows that the two mean the same.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';

our $Name = 'evaluated';

sub greeting {
    return "hello $_[0]\n";
}

$ENV{TEST_NGINX_HTML_DIR} ||= html_dir();

no_shuffle();
run_tests();

__DATA__

=== TEST 1: without error_code the status must be 200
--- config
location = /a {
    return 200 "hello\n";
}
--- request
GET /a
--- response_body
hello


=== TEST 2: chomp, headers that are there, headers that are not
--- config
location = /a {
    add_header X-One 1;
    add_header X-Two 2;
    add_header X-Two 3;
    return 201 "hello";
}
--- request
    GET /a
--- error_code: 201
--- response_headers
X-One: 1
X-Two: 2, 3
!X-Three
--- response_body chomp
hello


=== TEST 3: response_headers_like and response_body_like
--- config
location = /a {
    return 200 "hello world\n";
}
--- request
GET /a
--- response_headers_like
Server: nginx.*
Content-Length: \d+
--- response_body_like: ^hello .*$


=== TEST 4: raw headers
--- config
location = /a {
    add_header X-One 1;
    return 200;
}
--- request
GET /a
--- raw_response_headers_like: \r\nX-One: 1\r\n
--- raw_response_headers_unlike: X-Two


=== TEST 5: eval sees variables and functions of the file
--- config eval
"location = /$::Name { return 200 '" . main::greeting('you') . "'; }"
--- request eval
"GET /$::Name"
--- response_body eval
main::greeting('you')


=== TEST 6: more_headers, twice the same, none of the defaults
--- config
location = /a {
    return 200 "host=$http_host c=$http_connection x=$http_x_a y=$http_y\n";
}
--- request
GET /a
--- more_headers
Host: example.org
Connection: close
X-A: 1
--- response_body
host=example.org c=close x=1 y=


=== TEST 7: the method and the version of the request line
--- config
location = /a {
    return 200 "$request\n";
}
--- request
DELETE /a?b=c HTTP/1.0
--- response_body
DELETE /a?b=c HTTP/1.0


=== TEST 8: a body gets its Content-Length
--- config
location = /a {
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/b;
    add_header X-Body "$content_length $request_body";
}
location = /b {
    return 200;
}
--- request
POST /a
hello body
--- response_headers
X-Body: 10 hello body


=== TEST 9: a chunked body is sent as it stands
--- config
location = /a {
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/b;
    add_header X-Body "$http_transfer_encoding $request_body";
}
location = /b {
    return 200;
}
--- request eval
"POST /a\n5\r\nhello\r\n0\r\n\r\n"
--- more_headers
Transfer-Encoding: chunked
--- response_headers
X-Body: chunked hello


=== TEST 10: several requests, each on its connection
--- config
location ~ ^/[ab]$ {
    return 200 "$uri $http_x_a $connection_requests\n";
}
--- request eval
["GET /a", "GET /b"]
--- more_headers eval
["X-A: 1", "X-A: 2"]
--- response_body eval
["/a 1 1\n", "/b 2 1\n"]
--- error_code eval
[200, 200]


=== TEST 11: a request in packets with pauses
--- config
location = /a {
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/b;
    add_header X-Body $request_body;
}
location = /b {
    return 200;
}
--- request eval
[["POST /a\nhello", {value => "there", delay_before => 0.05}]]
--- response_headers
X-Body: hellothere


=== TEST 12: pipelined requests share a connection
--- config
location ~ ^/[ab]$ {
    return 200 "$uri $connection_requests\n";
}
--- pipelined_requests eval
["GET /a", "GET /b"]
--- response_body eval
["/a 1\n", "/b 2\n"]


=== TEST 13: a raw request
--- config
location = /a {
    return 200 "$request\n";
}
--- raw_request eval
"GET /a HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
--- response_body
GET /a HTTP/1.1


=== TEST 14: a raw request in packets
--- config
location = /a {
    return 200 "$request\n";
}
--- raw_request eval
["GET /a HTTP/1.1\r\nHo", "st: x\r\nConnection: close\r\n\r\n"]
--- response_body
GET /a HTTP/1.1


=== TEST 15: a bad request
--- config
--- raw_request eval
"GET /a HTTP/1.1\r\n\r\n"
--- error_code: 400
--- response_body_like: 400 Bad Request


=== TEST 16: HEAD has a length and no body
--- config
location = /a {
    return 200 "hello\n";
}
--- request
HEAD /a
--- response_headers
Content-Length: 6
--- response_body


=== TEST 17: a chunked response
--- config
location = /a {
    add_before_body /b;
    proxy_pass http://127.0.0.1:$TEST_NGINX_SERVER_PORT/b;
    addition_types *;
}
location = /b {
    return 200 "there
";
}
--- request
GET /a
--- response_headers
Transfer-Encoding: chunked
--- response_body
there
there


=== TEST 18: user files, and their place
--- config
location = /a.txt {
    root $TEST_NGINX_HTML_DIR;
}
--- user_files
>>> a.txt
one
two
>>> b/c.txt
three
--- request eval
["GET /a.txt", "GET /b/c.txt"]
--- response_body eval
["one\ntwo\n", "three\n"]


=== TEST 19: http_config, main_config and a port of one's own
--- main_config
env TEST_NGINX_SERVER_PORT;
--- http_config
server {
    listen 127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    return 200 "other\n";
}
--- config
location = /a {
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- request
GET /a
--- response_body
other


=== TEST 20: error_log and no_error_log
--- config
location = /a {
    root /nonexistent;
}
--- request
GET /a
--- error_code: 404
--- error_log eval
["No such file", qr/\[error\] .* open\(\) "\/nonexistent\/a"/]
--- no_error_log
[warn]
[alert]


=== TEST 21: grep_error_log
--- config
location = /a {
    root /nonexistent;
}
--- request
GET /a
--- error_code: 404
--- grep_error_log eval
qr/open\(\) "[^"]*"/
--- grep_error_log_out
open() "/nonexistent/a"


=== TEST 22: log_level
--- config
location = /a {
    return 200;
}
--- log_level: info
--- request
GET /a
--- no_error_log
[debug]


=== TEST 23: access_log and no_access_log
--- config
location = /a {
    return 200;
}
--- request
GET /a
--- access_log
GET /a HTTP/1.1
--- no_access_log
GET /b


=== TEST 24: a configuration that nginx must refuse
--- config
no_such_directive on;
--- must_die
--- error_log
unknown directive "no_such_directive"


=== TEST 25: the bytes that a backend on a Unix socket gets
--- config
location = /a {
    proxy_http_version 1.0;
    proxy_set_header Host backend;
    proxy_set_header Connection close;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/raw.sock;
}
--- tcp_listen: $TEST_NGINX_HTML_DIR/raw.sock
--- tcp_reply eval
"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nok\n"
--- tcp_query eval
"GET /a HTTP/1.0\r\nHost: backend\r\nConnection: close\r\n\r\n"
--- request
GET /a
--- error_code: 201
--- response_body
ok


=== TEST 26: a client that gives up
--- config
location = /a {
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/raw.sock;
}
--- tcp_listen: $TEST_NGINX_HTML_DIR/raw.sock
--- tcp_reply eval
"HTTP/1.1 201 Created\r\nContent-Length: 3\r\n\r\nok\n"
--- tcp_reply_delay: 400ms
--- timeout: 100ms
--- request
GET /a
--- abort
--- ignore_response
--- wait: 0.1
--- error_log
client prematurely closed connection


=== TEST 27: skipped by version
--- config
--- skip_nginx: 2: >= 0.1.0: always
--- request
GET /nowhere


=== TEST 28: code before the request
--- config
--- init
open my $out, '>', "$ENV{TEST_NGINX_HTML_DIR}/late.txt" or die;
print $out "late\n";
close $out;
--- request
GET /late.txt
--- response_body
late
