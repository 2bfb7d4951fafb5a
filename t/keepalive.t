# Refusals on connections that live on: no byte of a refused body is taken for
# a request, and no answer goes to the wrong one.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $Target = 'GET /v2/acme/app/manifests/1';

# what a smuggler hides in a body
our $Hidden = "GET /v2/rival/secret/manifests/1 HTTP/1.1\r\nHost: x\r\n"
              . basic('rival') . "\r\n\r\n";

# big enough not to fit into what nginx reads at once
our $Large = 'x' x 300_000;

our $Streaming = <<'END';
    client_body_buffer_size 8k;
    location /v2/ {
        registry on;
        client_max_body_size 0;
        proxy_request_buffering off;
        proxy_http_version 1.1;
        proxy_pass http://backend;
    }
END

our $KeepAlive = $HttpConfig . <<'END';
    upstream pool {
        server unix:$TEST_NGINX_HTML_DIR/pool.sock;
        keepalive 1;
    }
    server {
        listen unix:$TEST_NGINX_HTML_DIR/pool.sock;
        location / {
            return 200 "$request_uri $connection_requests\n";
        }
    }
END

sub raw {
    my ($line, @headers) = @_;

    return join "\r\n", $line, 'Host: localhost', @headers, '', '';
}

run_tests();

__DATA__

=== TEST 1: a refused body is drained, the next request is served
--- config eval: $::Streaming
--- pipelined_requests eval
["PUT /v2/acme/app/manifests/1\n$::Hidden", $::Target]
--- more_headers eval
['X-A: 1', main::basic('puller')]
--- error_code eval
[401, 200]
--- response_body eval
[main::unauthorized(), "$::Target []\n"]
--- no_access_log
rival


=== TEST 2: a large one
--- config eval: $::Streaming
--- pipelined_requests eval
["PUT /v2/acme/app/manifests/1\n$::Large", $::Target]
--- more_headers eval
[main::basic('puller'), main::basic('puller')]
--- error_code eval
[403, 200]
--- response_body eval
[main::denied(), "$::Target []\n"]


=== TEST 3: a chunked one
--- config eval: $::Streaming
--- pipelined_requests eval
["PATCH /v2/acme/app/blobs/uploads/u\n"
 . sprintf("%x\r\n%s\r\n", length $::Hidden, $::Hidden)
 . sprintf("%x\r\n%s\r\n0\r\n\r\n", length $::Large, $::Large), $::Target]
--- more_headers eval
['Transfer-Encoding: chunked', main::basic('puller')]
--- error_code eval
[401, 200]
--- response_body eval
[main::unauthorized(), "$::Target []\n"]
--- no_access_log
rival


=== TEST 4: a body that does not come any more closes the connection
--- config
location /v2/ {
    registry on;
    client_max_body_size 0;
    lingering_timeout 200ms;
    proxy_pass http://backend;
}
--- raw_request eval
main::raw('PUT /v2/acme/app/manifests/1 HTTP/1.1', 'Content-Length: 52428800')
. 'only this'
--- error_code: 401
--- response_body eval: main::unauthorized()
--- no_access_log
backend:


=== TEST 5: who waits for "100 Continue" is refused at once, and cut off
--- config
location /v2/ {
    registry on;
    client_max_body_size 0;
    lingering_timeout 100ms;
    proxy_pass http://backend;
}
--- raw_request eval
main::raw('PUT /v2/acme/app/manifests/1 HTTP/1.1', 'Content-Length: 52428800',
          'Expect: 100-continue')
--- error_code: 401
--- response_headers
Connection: close
--- response_body eval: main::unauthorized()
--- no_access_log
backend:


=== TEST 6: for every kind of refusal
--- config
location /v2/ {
    registry on;
    lingering_timeout 100ms;
    proxy_pass http://backend;
}
--- request eval
["PUT /v2/acme/app/manifests/1", "PUT /v2/acme//app/manifests/1",
 "PUT /v2/nowhere", "PUT /v2/acme/app/tags/list"]
--- more_headers eval
[(main::basic('puller')
  . "\nConnection: keep-alive\nContent-Length: 5\nExpect: 100-continue") x 4]
--- error_code eval
[403, 400, 404, 405]
--- response_headers eval
[("Connection: close") x 4]


=== TEST 7: who is let in gets his "100 Continue"
--- config
location /v2/ {
    registry on;
    proxy_pass http://backend;
}
--- raw_request eval
[main::raw('PUT /v2/acme/app/manifests/1 HTTP/1.1', 'Content-Length: 5',
           'Expect: 100-continue', main::basic('pusher'), 'Connection: close'),
 'hello']
--- error_code: 100
--- response_body_like: ^HTTP/1.1 200 OK\r\n.*PUT /v2/acme/app/manifests/1 \[\]


=== TEST 8: a body on GET is refused, is no second request, and is the end
--- config eval: $::Streaming
--- raw_request eval
main::raw("$::Target HTTP/1.1", main::basic('puller'),
          'Content-Length: ' . length $::Hidden)
. $::Hidden . main::raw("$::Target HTTP/1.1", main::basic('puller'))
--- error_code: 400
--- response_headers
Connection: close
--- response_body eval
main::error_body('UNSUPPORTED', 'the request may not have a body')
--- no_access_log
backend:


=== TEST 9: refused, granted and unknown on one connection
--- pipelined_requests eval
[$::Target, $::Target, "PUT /v2/acme/app/manifests/1", $::Target, "GET /v2/x",
 $::Target, $::Target]
--- more_headers eval
[main::basic('puller'), 'X-A: 1', main::basic('puller'), main::basic('ghost'),
 main::basic('puller'), main::basic('rival'), main::bearer('puller')]
--- error_code eval
[200, 401, 403, 401, 404, 403, 200]
--- response_body eval
["$::Target []\n", main::unauthorized(), main::denied(),
 main::unauthorized('the API key is not valid'),
 main::error_body('NAME_UNKNOWN', 'there is no such endpoint'),
 main::denied(), "$::Target []\n"]


=== TEST 10: HTTP/1.0 closes, unless it is asked not to
--- raw_request eval
main::raw("$::Target HTTP/1.0", main::basic('puller'))
--- response_headers
Connection: close
--- response_body eval
"$::Target []\n"


=== TEST 11: asked not to
--- pipelined_requests eval
["$::Target HTTP/1.0", "$::Target HTTP/1.0"]
--- more_headers eval
['X-A: 1', main::basic('puller')]
--- error_code eval
[401, 200]
--- response_headers eval
["Connection: keep-alive", "Connection: close"]


=== TEST 12: both lengths at once
--- raw_request eval
main::raw('PUT /v2/acme/app/manifests/1 HTTP/1.1', main::basic('pusher'),
          'Content-Length: 5', 'Transfer-Encoding: chunked')
. "0\r\n\r\n$::Hidden"
--- error_code: 400
--- response_headers
Connection: close
--- no_access_log
rival


=== TEST 13: the backend's connection is kept, whatever is refused between
--- http_config eval: $::KeepAlive
--- config
location /v2/ {
    registry on;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_pass http://pool;
}
--- pipelined_requests eval
[$::Target, "PUT /v2/acme/app/manifests/1\n$::Hidden", $::Target,
 "BREW /v2/acme/app/manifests/1\n$::Hidden", $::Target]
--- more_headers eval
[(main::basic('puller')) x 5]
--- error_code eval
[200, 403, 200, 405, 200]
--- response_body eval
["/v2/acme/app/manifests/1 1\n", main::denied(),
 "/v2/acme/app/manifests/1 2\n",
 main::error_body('UNSUPPORTED', 'the endpoint does not take this method'),
 "/v2/acme/app/manifests/1 3\n"]


=== TEST 14: a client that leaves while the backend thinks
--- config
location /v2/ {
    registry on;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/raw.sock;
}
--- tcp_listen: $TEST_NGINX_HTML_DIR/raw.sock
--- tcp_reply eval: ''
--- tcp_reply_delay: 400ms
--- timeout: 100ms
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- abort
--- ignore_response
--- wait: 0.1
--- error_log
client prematurely closed connection
