# What a backend has to say before a blob goes another road, and for how long
# that counts.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;
use Registry::TestOffload;

# A backend that answers one path as it is told, after $Cdn.

sub backend {
    my ($answer, $more) = @_;

    return $HttpConfig . $Cdn . ($more // '') . <<"END";
    upstream blobs {
        server unix:\$TEST_NGINX_HTML_DIR/blobs.sock;
        keepalive 4;
    }
    server {
        listen unix:\$TEST_NGINX_HTML_DIR/blobs.sock;
        location / {
            $answer
        }
    }
END
}

our $Get = "GET /v2/acme/app/blobs/$There";

run_tests();

__DATA__

=== TEST 1: a redirect to a storage of the registry proves, to another does not
--- http_config eval
main::backend('return 307 https://$http_user_agent/blob?X-Amz-Signature=1;')
--- config eval
main::offload('cdn', 'registry_storage_host s3.example.com h:8443;')
--- request eval
[map { "GET /v2/acme/app/blobs/sha256:" . $_ x 64 } 'a' .. 'e']
--- more_headers eval
[map { main::basic('puller') . "\nUser-Agent: $_" }
     qw( s3.example.com S3.EXAMPLE.COM:443 h:8443 evil.s3.example.com h )]
--- error_code eval
[(307) x 5]
--- response_headers_like eval
[("Location: https://cdn\\.example\\.com/.*\nX-Route: cdn/") x 3,
 "Location: https://evil\\.s3\\.example\\.com/.*\nX-Route: backend/",
 "Location: https://h/.*\nX-Route: backend/"]


=== TEST 2: without registry_storage_host no redirect proves
--- http_config eval: main::backend('return 302 https://s3.example.com/blob;')
--- config eval: main::offload('cdn')
--- request eval: $::Get
--- more_headers eval: main::basic('puller')
--- error_code: 302
--- response_headers
Location: https://s3.example.com/blob
X-Route: backend/


=== TEST 3: what else a backend may say is no proof
--- http_config eval
main::backend('if ($request_method = GET) { return 200 origin; }' . join '',
              map { "if (\$http_user_agent = $_) { return $_; }" }
                  201, 204, 206, 301, 304, 401, 403, 404, 429, 503)
--- config eval: main::offload('cdn')
--- request eval
[map { "GET /v2/acme/app/blobs/sha256:" . $_ x 64 } 'a' .. 'f', 0 .. 3]
--- more_headers eval
[map { main::basic('puller') . "\nUser-Agent: $_" }
     201, 204, 206, 301, 304, 401, 403, 404, 429, 503]
--- error_code eval
[(200) x 10]
--- response_body eval
[("origin") x 10]


=== TEST 4: nor is 200 without a length
--- http_config eval
main::backend('chunked_transfer_encoding off; gzip on; gzip_min_length 1;
               gzip_types *; gzip_proxied any; gzip_http_version 1.0;
               default_type text/plain; return 200 "a long text, rather";')
--- config eval
main::offload('cdn', 'proxy_set_header Accept-Encoding gzip;')
--- request eval: $::Get
--- more_headers eval: main::basic('puller')
--- response_headers
!Location
X-Route: origin/


=== TEST 5: a proof is asked for once
--- http_config eval
$::OffloadConfig =~ s/location \/ \{\n\s+if \(\$blob/location \/ {
            if (\$cookie_asked) { return 404; }
            if (\$blob/r
--- config eval: main::offload('cdn')
--- request eval
[$::Get, $::Get, $::Get =~ s/sha256:/sha256%3A/r, "$::Get?ns=docker.io"]
--- more_headers eval: main::basic('puller')
--- error_code eval
[(307) x 4]
--- no_access_log eval
[qr{backend: GET}]


=== TEST 6: tenants do not share proofs, so that they may have backends
--- http_config eval
$::OffloadConfig . <<'END'
map $registry_tenant $backend_of {
    acme   blobs;
    rival  backend_of_rival;
}
upstream backend_of_rival { server unix:$TEST_NGINX_HTML_DIR/rival.sock; }
server {
    listen unix:$TEST_NGINX_HTML_DIR/rival.sock;
    location / { return 404; }
}
END
--- config
location /v2/ {
    registry on;
    registry_anonymous tenant=$http_x_tenant repository:**:pull;
    registry_blob_route cdn;
    proxy_pass http://$backend_of;
}
--- request eval: [$::Get, $::Get, $::Get]
--- more_headers eval
["X-Tenant: acme", "X-Tenant: rival", "X-Tenant: acme"]
--- error_code eval
[307, 404, 307]


=== TEST 7: nor do backends of the same location
--- http_config eval
$::OffloadConfig . <<'END'
server {
    listen unix:$TEST_NGINX_HTML_DIR/empty.sock;
    location / { return 404; }
}
END
--- config eval
main::offload('cdn', <<'END')
if ($http_x_empty) {
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/empty.sock;
}
END
--- request eval: [$::Get, $::Get, $::Get]
--- more_headers eval
[main::basic('puller'), main::basic('puller') . "\nX-Empty: 1",
 main::basic('puller')]
--- error_code eval
[307, 404, 307]


=== TEST 8: where the backend judges, its word is for one client
--- http_config eval
main::backend('if ($http_authorization = "Bearer right") { return 200 x; }
               return 403 no;')
--- config eval
main::offload('cdn', 'registry_auth off; registry_backend_auth passthrough;')
--- request eval: [$::Get, $::Get, $::Get]
--- more_headers eval
['Authorization: Bearer right', 'Authorization: Bearer wrong', '']
--- error_code eval
[307, 403, 403]


=== TEST 9: a dry run sends nobody anywhere who would be denied
--- http_config eval: $::OffloadConfig
--- config eval
main::offload('cdn', 'registry_auth dry_run;')
--- request eval: [$::Get, $::Get, $::Get]
--- more_headers eval
[main::basic('puller'), '', main::basic('rival')]
--- error_code eval
[307, 200, 200]


=== TEST 10: error pages and X-Accel-Redirect make no proof
--- http_config eval
main::backend('if ($request_method = GET) { return 404 none; }
               add_header X-Accel-Redirect /fake; return 200 x;')
--- config eval
main::offload('cdn', 'proxy_intercept_errors on; error_page 404 = @fake;')
. <<'END'
location = /fake { internal; return 200 "fake"; }
location @fake { return 200 "fake page"; }
END
--- request eval: $::Get
--- more_headers eval: main::basic('puller')
--- response_body chomp
fake page
--- response_headers
!Location


=== TEST 11: intercepted errors of the proof are not answered twice
--- http_config eval: $::OffloadConfig
--- config eval
main::offload('cdn', 'proxy_intercept_errors on; error_page 404 = @fake;')
. <<'END'
location @fake { return 418 "page"; }
END
--- request eval: "GET /v2/acme/app/blobs/$::Nowhere"
--- more_headers eval: main::basic('puller')
--- error_code: 418
--- response_body chomp
page


=== TEST 12: limit_except does not stop the HEAD
--- http_config eval: $::OffloadConfig
--- config eval
main::offload('cdn', 'limit_except GET { deny all; }')
--- request eval: $::Get
--- more_headers eval: main::basic('puller')
--- error_code: 307


=== TEST 13: a hostile Location of the backend is 502
--- http_config eval
main::backend('if ($arg_good) { add_header X-Good 1; return 307 $arg_to; }
               add_header Location $arg_to always;
               return 202;')
--- config eval: main::offload('origin')
--- request eval
my @bad = ('//evil/', 'https://user@evil/', 'http://169.254.169.254/',
           'http://[fe80::1]/', 'javascript:x');
[map { "GET /v2/acme/app/blobs/$::There?to=$_" } @bad,
 '/v2/x&good=1', 'https://s3.example.com/x&good=1']
--- more_headers eval: main::basic('puller')
--- error_code eval
[(502) x 5, 307, 307]
--- response_headers eval
[("!Location\nContent-Type: application/json") x 5,
 "X-Route: backend/", "X-Route: backend/"]


=== TEST 14: so is that of an upload
--- http_config eval
main::backend('add_header Location //evil/upload always; return 202;')
--- config eval: main::offload('origin')
--- request
POST /v2/acme/app/blobs/uploads/
--- more_headers eval: main::basic('pusher')
--- error_code: 502
--- response_headers
!Location
--- error_log
the backend sends the client to a place that is not for it: it names a host without a scheme


=== TEST 15: HTTP/2
--- http2
--- http_config eval: $::OffloadConfig
--- config eval: main::offload('cdn')
--- request eval
[$::Get, "GET /v2/acme/app/blobs/$::Elsewhere",
 "HEAD /v2/acme/app/blobs/$::There"]
--- more_headers eval: main::basic('puller')
--- error_code eval
[307, 404, 200]


=== TEST 16: a backend that has too much to do has not said that a blob is gone
--- http_config eval
main::backend(join('', map { "if (\$http_user_agent = $_) { return $_ 'no'; }" }
                           404, 429, 500, 503) . 'return 200 x;')
. 'registry_proof_zone ttl=1s;
   server {
       listen unix:$TEST_NGINX_HTML_DIR/slow.sock;
       location / { limit_rate 200; root $TEST_NGINX_HTML_DIR; }
   }'
--- config eval
main::offload('cdn')
. 'location /slow { proxy_pass http://unix:$TEST_NGINX_HTML_DIR/slow.sock; }'
--- user_files eval
">>> slow\n" . 'x' x 250 . "\n"
--- request eval
[$::Get, 'GET /slow', ($::Get) x 5]
--- more_headers eval
my $who = main::basic('puller');
["$who\nUser-Agent: 200", '', map { "$who\nUser-Agent: $_" } 429, 500, 503, 404, 429]
--- error_code eval
[307, 200, 307, 307, 307, 404, 429]


=== TEST 17: of two Locations the second reaches nobody
nginx lets only the first through, since 1.23; before, that is 502
--- http_config eval
main::backend('add_header Location https://second.example.com/ always;
               return 307 https://s3.example.com/y;')
--- config eval: main::offload('origin')
--- request eval: $::Get
--- more_headers eval: main::basic('puller')
--- error_code_like: ^(?:307|502)$
--- raw_response_headers_unlike: second
