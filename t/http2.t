# The same over HTTP/2.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $Target = 'GET /v2/acme/app/manifests/1';

# Answers that come before the body is read are left to t/keepalive.t: nginx
# ends such a stream by RST_STREAM with NO_ERROR, and several versions of curl
# then drop the answer.

run_tests();

__DATA__

=== TEST 1: a key, and none
--- http2
--- request eval
[$::Target, $::Target, "HEAD /v2/acme/app/manifests/1", $::Target]
--- more_headers eval
[main::basic('puller'), '', main::bearer('puller'), main::basic('rival')]
--- error_code eval
[200, 401, 200, 403]
--- response_headers eval
["X-Reason: granted",
 qq{X-Reason: no_credentials\nWWW-Authenticate: Basic realm="registry"\n}
 . qq{Content-Type: application/json\n}
 . "Docker-Distribution-Api-Version: registry/2.0",
 "X-Reason: granted", "X-Reason: scope"]
--- response_body eval
["$::Target []\n", main::unauthorized(), '', main::denied()]


=== TEST 2: targets
--- http2
--- request eval
["GET /v2/acme//app/manifests/1", "GET /v2/acme/app/manifests/1/",
 "GET /v2/acme%2Fapp/manifests/1", "GET /v2/nowhere",
 "BREW /v2/acme/app/manifests/1", "GET /v2/_catalog?n=1&n=2",
 "GET /v2/_catalog?n=5000"]
--- more_headers eval: main::basic('admin')
--- error_code eval
[400, 400, 400, 404, 405, 400, 200]
--- response_body_like eval
['NAME_INVALID', 'NAME_INVALID', 'NAME_INVALID', 'NAME_UNKNOWN', 'UNSUPPORTED',
 'UNSUPPORTED', '^GET /v2/_catalog\?n=1000 \[\]$']


=== TEST 3: a mount
--- http2
--- request eval
"POST /v2/acme/app/blobs/uploads/?mount=$::Digest&from=rival/x"
--- more_headers eval: main::basic('pusher')
--- response_body
POST /v2/acme/app/blobs/uploads/ []


=== TEST 4: bodies
--- http2
--- request eval
["PUT /v2/acme/app/manifests/1\n{}",
 "PUT /v2/acme/app/manifests/1\n" . 'x' x 300_000]
--- more_headers eval: main::basic('pusher')
--- error_code eval
[200, 200]
--- response_body eval
[("PUT /v2/acme/app/manifests/1 []\n") x 2]


=== TEST 5: 415 before the body is read
--- http2
--- request
POST /v2/acme/app/blobs/uploads/
--- more_headers eval
main::basic('pusher') . "\nContent-Type: application/x-www-form-urlencoded"
--- error_code: 415
--- no_access_log
backend:


=== TEST 6: an error of nginx
--- http2
--- config
location /v2/ {
    registry on;
    proxy_pass http://127.0.0.1:1;
}
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- error_code: 502
--- response_headers
Content-Type: application/json
--- error_log
connect() failed
