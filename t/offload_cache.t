# Caches: one copy of a blob for all repositories, each request for it proven.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;
use Registry::TestOffload;

our $Http = $OffloadConfig . <<'END';
    proxy_cache_path $TEST_NGINX_HTML_DIR/cache keys_zone=blobs:1m;
END

our $Cache = <<'END';
    proxy_cache blobs;
    proxy_cache_key $registry_cache_key;
    proxy_cache_valid any 1h;
    proxy_cache_convert_head off;
    proxy_cache_bypass $registry_cache_bypass;
    proxy_no_cache $registry_cache_bypass;
    add_header X-Cache "$upstream_cache_status" always;
    add_header X-Key "$registry_cache_key" always;
END

# On the route, or in the location itself.

our $Here = offload('origin', "registry_proof on; $Cache");
our $There_ = offload('@blobs') . <<"END";
    location \@blobs {
        $Cache
        proxy_pass http://blobs;
    }
END

our @Matrix = (
    "GET /v2/acme/app/blobs/$There", "GET /v2/acme/copy/blobs/$There",
    "GET /v2/acme/none/blobs/$There", "GET /v2/acme/app/blobs/$Elsewhere",
    "HEAD /v2/acme/none/blobs/$There", "HEAD /v2/acme/app/blobs/$There",
    "GET /v2/acme/app/blobs/$There"
);

our @Status = (200, 200, 404, 404, 404, 200, 200);

our @Manifest = map { "application/vnd.oci.image.$_.v1+json" }
                    qw( manifest index );

run_tests();

__DATA__

=== TEST 1: one copy, and only who has it gets it
--- http_config eval: $::Http
--- config eval: $::Here
--- request eval: [@::Matrix]
--- more_headers eval: main::basic('puller')
--- error_code eval: [@::Status]
--- response_headers eval
["X-Cache: MISS\nX-Key: $::There", "X-Cache: HIT\nX-Key: $::There",
 "X-Cache: MISS\nX-Key: blob GET acme/none $::There",
 "X-Cache: MISS\nX-Key: blob GET acme/app $::Elsewhere",
 "X-Cache: BYPASS\nX-Key: blob HEAD acme/none $::There",
 "X-Cache: BYPASS\nX-Key: blob HEAD acme/app $::There",
 "X-Cache: HIT\nX-Key: $::There"]


=== TEST 2: the same in a named location
--- http_config eval: $::Http
--- config eval: $::There_
--- request eval: [@::Matrix]
--- more_headers eval: main::basic('puller')
--- error_code eval: [@::Status]
--- response_headers eval
["X-Cache: MISS", "X-Cache: HIT", ("!X-Cache") x 4, "X-Cache: HIT"]


=== TEST 3: ranges and conditions of what another repository has
--- http_config eval: $::Http
--- config eval: $::Here
--- request eval
["GET /v2/acme/app/blobs/$::There",
 map { ("GET /v2/acme/$_/blobs/$::There") x 2 } 'none', 'app']
--- more_headers eval
my $who = main::basic('puller');
[$who, map { ("$who\nRange: bytes=0-3",
              "$who\nIf-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT") } 1, 2]
--- error_code eval
[200, 404, 404, 200, 200]


=== TEST 4: a HEAD stays a HEAD
--- http_config eval: $::Http
--- config eval: $::Here
--- request eval
["HEAD /v2/acme/app/blobs/$::There", "HEAD /v2/acme/app/manifests/1"]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 404]
--- no_access_log
backend: GET


=== TEST 5: over HTTP/2
--- http2
--- http_config eval: $::Http
--- config eval: $::Here
--- request eval: [@::Matrix]
--- more_headers eval: main::basic('puller')
--- error_code eval: [@::Status]


=== TEST 6: a manifest is of its repository, and of what the client takes
--- http_config eval: $::HttpConfig
--- config
location /v2/ {
    registry on;
    add_header X-Key "$registry_cache_key";
    proxy_pass http://backend;
}
--- request eval
[("GET /v2/acme/app/manifests/1") x 5, "GET /v2/acme/app/tags/list?n=5",
 "GET /v2/acme/app/manifests/$::There",
 map { "GET /v2/acme/app/manifests/1?$_" } qw( ns=a.io NS=b.io&ns=a.io
                                               NS=&ns=a.io )]
--- more_headers eval
my $who = main::basic('puller');
my ($m, $i) = @::Manifest;
[$who, "$who\nAccept: $m, $i", "$who\nAccept: $i;q=0.5\nAccept: $m",
 "$who\nAccept: $m", "$who\nAccept: text/plain, */*", $who, "$who\nAccept: $m",
 ($who) x 3]
--- response_headers eval
["X-Key: manifest GET acme/app 1 -", ("X-Key: manifest GET acme/app 1 io") x 2,
 "X-Key: manifest GET acme/app 1 o", "X-Key: manifest GET acme/app 1 *",
 "X-Key: target GET /v2/acme/app/tags/list?n=5",
 "X-Key: manifest GET acme/app $::There o",
 map { "X-Key: manifest GET acme/app 1 - $_" } qw( ns=a.io NS=b.io NS= )]


=== TEST 7: a page of the operator is no blob
--- http_config eval: $::Http
--- config eval
main::offload('cdn', 'error_page 307 = @page; ') . <<'END'
location @page {
    return 200 "$registry_cache_key";
}
END
--- request eval: "GET /v2/acme/app/blobs/$::There"
--- more_headers eval: main::basic('puller')
--- response_body chomp eval
"other GET /v2/acme/app/blobs/$::There"


=== TEST 8: a mirror asks for another thing
--- http_config eval: $::Http
--- config eval
main::offload('origin', 'registry_proof on; mirror /mirror;') . <<'END'
location = /mirror {
    internal;
    proxy_pass http://backend/mirror?$registry_cache_key;
}
END
--- request eval: "GET /v2/acme/app/blobs/$::There"
--- more_headers eval: main::basic('puller')
--- access_log
/mirror?other
