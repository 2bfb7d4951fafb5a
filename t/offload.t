# Blobs by another road: a signed redirect after a proof, and what never is one.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;
use Registry::TestOffload;

run_tests();

__DATA__

=== TEST 1: a blob that is there is redirected, and nobody may keep that
--- http_config eval: $::OffloadConfig
--- config eval: main::offload('cdn')
--- request eval: "GET /v2/acme/app/blobs/$::There"
--- more_headers eval: main::basic('puller')
--- error_code: 307
--- response_headers_like eval
"Location: $::Signed\nCache-Control: no-store\nX-Route: cdn/21"
--- access_log eval
qr{backend: HEAD /v2/acme/app/blobs/$::There len=- range=- te=- expect=- inm=- cookie=- auth=-}
--- no_access_log
backend: GET


=== TEST 2: what another repository has, and what nobody has, is not
--- http_config eval: $::OffloadConfig
--- config eval: main::offload('cdn')
--- request eval
["GET /v2/acme/app/blobs/$::There", "GET /v2/acme/other/blobs/$::There",
 "GET /v2/acme/app/blobs/$::Elsewhere", "GET /v2/acme/app/blobs/$::Nowhere",
 "GET /v2/rival/lib/blobs/$::Elsewhere", "GET /v2/acme/copy/blobs/$::There"]
--- more_headers eval: main::basic('puller')
--- error_code eval
[307, 404, 404, 404, 403, 307]
--- response_headers eval
["X-Route: cdn/21", ("!Location\nX-Route: origin/") x 3, "!Location",
 "X-Route: cdn/21"]


=== TEST 3: so it is with Range and with conditions
--- http_config eval: $::OffloadConfig
--- config eval: main::offload('cdn')
--- request eval
[map { "GET /v2/acme/$_" } "app/blobs/$::There", "other/blobs/$::There",
 "other/blobs/$::There", "app/blobs/$::There"]
--- more_headers eval
my $who = main::basic('puller');
["$who\nRange: bytes=0-3", "$who\nRange: bytes=0-3",
 "$who\nIf-None-Match: \"$::There\"", "$who\nIf-None-Match: \"$::There\""]
--- error_code eval
[307, 404, 404, 307]

=== TEST 4: HEAD is the backend's to answer, proof or not
--- http_config eval: $::OffloadConfig
--- config eval: main::offload('cdn')
--- request eval
["GET /v2/acme/app/blobs/$::There", "HEAD /v2/acme/app/blobs/$::There",
 "HEAD /v2/acme/other/blobs/$::There"]
--- more_headers eval: main::basic('pusher')
--- error_code eval
[307, 200, 404]
--- response_headers eval
["Cache-Control: no-store", "!Location\nContent-Length: 21", "!Location"]


=== TEST 5: nothing of the client's request is in the proof but who it is for
--- http_config eval: $::OffloadConfig
--- config eval: main::offload('cdn')
--- request eval: "GET /v2/acme/app/blobs/$::There?ns=docker.io"
--- more_headers eval
main::basic('puller') . "\n" . join "\n", 'Content-Length: 0',
    'Content-Type: text/plain', 'Range: bytes=1-', 'If-None-Match: "x"',
    'If-Range: "x"', 'Cookie: a=b', 'Expect: 100-continue',
    'X-HTTP-Method-Override: DELETE', 'User-Agent: docker/20'
--- error_code: 307
--- access_log eval
qr{backend: HEAD /v2/acme/app/blobs/$::There len=- range=- te=- expect=- inm=- cookie=- auth=- agent=docker/20}


=== TEST 6: connections to the backend are kept, and nobody gets another's
--- http_config eval: $::OffloadConfig
--- config eval: main::offload('cdn')
--- request eval
["GET /v2/acme/app/blobs/$::There", "GET /v2/acme/app/blobs/$::Nowhere",
 "GET /v2/acme/app/manifests/1", "GET /v2/acme/copy/blobs/$::There"]
--- more_headers eval
[map { main::basic('puller') . "\nContent-Length: 0" } 1 .. 4]
--- error_code eval
[307, 404, 404, 307]


=== TEST 7: a deletion ends what was known of the blob
--- http_config eval: $::OffloadConfig
--- config eval: main::offload('cdn')
--- request eval
["GET /v2/acme/app/blobs/$::There", "DELETE /v2/acme/app/blobs/$::There",
 "GET /v2/acme/app/blobs/$::There"]
--- more_headers eval
[main::basic('puller'), main::basic('cleaner'), main::basic('puller')]
--- error_code eval
[307, 202, 307]

=== TEST 8: origin, and an empty route, proxy
--- http_config eval
$::OffloadConfig . 'map $http_x_route $route { default ""; ~. $http_x_route; }'
--- config eval: main::offload('$route')
--- request eval
[("GET /v2/acme/app/blobs/$::There") x 4]
--- more_headers eval
my $who = main::basic('puller');
[$who, "$who\nX-Route: origin/", "$who\nX-Route: cdn", "$who\nX-Route: other"]
--- error_code eval
[200, 200, 307, 200]
--- response_headers eval
["X-Route: origin/", "X-Route: origin/", "X-Route: cdn/21", "X-Route: origin/"]
--- response_body_like eval
[$::Body, $::Body, '307 Temporary Redirect', $::Body]


=== TEST 9: a route that is not there is said to the log
--- http_config eval: $::OffloadConfig
--- config eval: main::offload('$arg_route')
--- request eval: "GET /v2/acme/app/blobs/$::There?route=nowhere"
--- more_headers eval: main::basic('puller')
--- error_log
there is no route "nowhere" for blobs, the origin answers


=== TEST 10: routes by tenant label, operation and network
--- http_config eval
$::OffloadConfig . <<'END'
geo $network { default cdn; 127.0.0.0/8 origin; }
map $registry_label_project $by_label { apollo cdn; }
map $registry_operation $by_operation { pull cdn; }
END
--- config
location ~ ^/v2/(acme/app|rival)/ {
    registry on;
    registry_blob_route $by_label;
    proxy_pass http://blobs;
}
location ~ ^/v2/acme/copy/ {
    registry on;
    registry_blob_route $by_operation;
    proxy_pass http://blobs;
}
--- request eval
["GET /v2/acme/app/blobs/$::There", "GET /v2/rival/lib/blobs/$::Elsewhere",
 "GET /v2/acme/copy/blobs/$::There"]
--- more_headers eval
[main::basic('puller'), main::basic('rival'), main::basic('puller')]
--- error_code eval
[307, 200, 307]


=== TEST 11: a named location serves what is proven, and nothing else
--- http_config eval: $::OffloadConfig
--- config eval
main::offload('@fast') . <<'END'
location @fast {
    default_type text/plain;
    return 200 "fast: $registry_tenant $registry_route $registry_blob_size";
}
END
--- request eval
["GET /v2/acme/app/blobs/$::There", "GET /v2/acme/app/blobs/$::Elsewhere",
 "GET /v2/rival/lib/blobs/$::Elsewhere", "HEAD /v2/acme/app/blobs/$::There",
 "GET /v2/acme/app/manifests/1"]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 404, 403, 200, 404]
--- response_body_like eval
['^fast: acme @fast 21$', 'BLOB_UNKNOWN', 'DENIED', '', 'BLOB_UNKNOWN']


=== TEST 12: no backend, no proof: the error is the origin's
--- http_config eval
$::OffloadConfig =~ s/server unix:\S+blobs.sock;/server 127.0.0.1:1;/r
--- config eval: main::offload('cdn')
--- request eval: "GET /v2/acme/app/blobs/$::There"
--- more_headers eval: main::basic('puller')
--- error_code: 502
--- response_headers
!Location
Content-Type: application/json


=== TEST 13: nobody who is not let in starts a proof
--- http_config eval: $::OffloadConfig
--- config eval: main::offload('cdn')
--- request eval
["GET /v2/acme/app/blobs/$::There", "GET /v2/acme/app/blobs/$::There",
 "GET /v2/acme/app/blobs/$::There"]
--- more_headers eval
['', main::basic('rival'), main::basic('ghost')]
--- error_code eval
[401, 403, 401]
--- no_access_log
backend:


=== TEST 14: a client leaves its deletion where an error page has led it
--- http_config eval
$::OffloadConfig . 'limit_req_zone $server_port zone=one:1m rate=1r/m;'
--- config eval
main::offload('cdn', 'proxy_intercept_errors on; error_page 404 = @late;') . <<'END'
location @late {
    limit_req zone=one burst=1;
    proxy_pass http://blobs;
}
END
--- request eval
["DELETE /v2/acme/app/blobs/$::Nowhere", "DELETE /v2/acme/app/blobs/$::Nowhere",
 "GET /v2/acme/app/blobs/$::There"]
--- more_headers eval
[main::basic('cleaner'), main::basic('cleaner'), main::basic('puller')]
--- timeout: 300ms
--- abort
--- ignore_response
--- no_error_log
[alert]


=== TEST 15: where there is no location there is no proof
--- http_config eval
$::OffloadConfig . <<'END'
server {
    listen unix:$TEST_NGINX_HTML_DIR/bare.sock;
    registry on;
    registry_blob_route cdn;
}
END
--- config
location /v2/ { proxy_pass http://unix:$TEST_NGINX_HTML_DIR/bare.sock; }
--- request eval: "GET /v2/acme/app/blobs/$::There"
--- more_headers eval: main::basic('puller')
--- error_code: 404


=== TEST 16: what a client sends to the registry is not for an edge
--- http_config eval: $::OffloadConfig
--- config eval
main::offload('@edge', 'registry_backend_auth passthrough;') . <<'END'
location @edge { proxy_pass http://blobs; }
END
--- request eval: "GET /v2/acme/app/blobs/$::There"
--- more_headers eval: main::basic('puller')
--- access_log eval
[qr{backend: HEAD \S+ .* auth=Basic }, qr{backend: GET \S+ .* auth=- }]


=== TEST 17: nor for the check of a CDN
--- http_config eval
$::OffloadConfig =~ s/sign  hmac/health \/up; sign hmac/r
--- config eval
main::offload('cdn', 'registry_backend_auth passthrough;') . <<'END'
location = /up { proxy_pass http://blobs; }
END
--- request eval: "GET /v2/acme/app/blobs/$::There"
--- more_headers eval: main::basic('puller')
--- access_log eval
[qr{backend: HEAD /v2/\S+ .* auth=Basic }, qr{backend: HEAD /up .* auth=- }]
