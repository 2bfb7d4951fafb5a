# How large a blob is that the backend only redirects for: manifests say.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;
use Registry::TestOffload;

# A backend that redirects for blobs, and has as a manifest what it is told.

sub backend {
    my ($manifest, $more) = @_;

    $more //= '';

    return $HttpConfig . $Cdn . <<"END";
    upstream blobs { server unix:\$TEST_NGINX_HTML_DIR/blobs.sock; }
    map \$uri \$manifest {
        default '$manifest';
        ~/lie   '{"layers":[{"digest":"$There","size":1}]}';
    }
    server {
        listen unix:\$TEST_NGINX_HTML_DIR/blobs.sock;
        default_type application/json;
        location ~ /manifests/ { $more return 200 \$manifest; }
        location / { return 307 https://s3.example.com/\$request_method; }
    }
END
}

our $Manifest = qq({"schemaVersion":2,"config":{"digest":"$Nowhere","size":7},)
                . qq("layers":[{"size":4321,"digest":"$There"}]});

our $Hosts = 'registry_storage_host s3.example.com;';
our $Get   = "GET /v2/acme/app/blobs/$There";
our $Pull  = 'GET /v2/acme/app/manifests/1';

run_tests();

__DATA__

=== TEST 1: a manifest says so to who has got it
--- http_config eval: main::backend($::Manifest)
--- config eval: main::offload('cdn', $::Hosts)
--- request eval
[$::Get, $::Pull, $::Get, "GET /v2/acme/app/blobs/$::Nowhere",
 $::Get =~ s/sha256:/sha256%3A/r]
--- more_headers eval: main::basic('puller')
--- error_code eval: [307, 200, 307, 307, 307]
--- response_headers eval
["X-Route: cdn/", "X-Route: /", "X-Route: cdn/4321", "X-Route: cdn/7",
 "X-Route: cdn/4321"]


=== TEST 2: also where it is the backend that sends the client elsewhere
--- http_config eval: main::backend($::Manifest)
--- config eval: main::offload('origin', $::Hosts)
--- request eval: [$::Get, $::Pull, $::Get]
--- more_headers eval: main::basic('puller')
--- error_code eval: [307, 200, 307]
--- response_headers eval
["X-Route: backend/", "X-Route: /", "X-Route: backend/4321"]


=== TEST 3: for that repository, and for that tenant
--- http_config eval: main::backend($::Manifest)
--- config
location /v2/ {
    registry on;
    registry_anonymous tenant=$http_x_tenant repository:**:pull;
    registry_blob_route cdn;
    registry_storage_host s3.example.com;
    add_header X-Route "$registry_route/$registry_blob_size" always;
    proxy_pass http://blobs;
}
--- request eval
[$::Pull, $::Get, $::Get =~ s/app/other/r, $::Get]
--- more_headers eval
["X-Tenant: acme", "X-Tenant: rival", "X-Tenant: acme", "X-Tenant: acme"]
--- error_code eval: [200, 307, 307, 307]
--- response_headers eval
["X-Route: /", "X-Route: cdn/", "X-Route: cdn/", "X-Route: cdn/4321"]


=== TEST 4: manifests that do not agree make that nobody knows
--- http_config eval: main::backend($::Manifest)
--- config eval: main::offload('cdn', $::Hosts)
--- request eval
[$::Pull, $::Get, 'GET /v2/acme/app/manifests/lie', $::Get, $::Pull, $::Get]
--- more_headers eval: main::basic('puller')
--- error_code eval: [200, 307, 200, 307, 200, 307]
--- response_headers eval
["X-Route: /", "X-Route: cdn/4321", "X-Route: /", "X-Route: cdn/",
 "X-Route: /", "X-Route: cdn/"]


=== TEST 5: a part of a manifest says nothing, nor does its HEAD
--- http_config eval: main::backend($::Manifest)
--- config eval: main::offload('cdn', $::Hosts . 'proxy_force_ranges on;')
--- request eval
[$::Pull, $::Pull =~ s/GET/HEAD/r, $::Get, $::Pull, $::Get]
--- more_headers eval
my $who = main::basic('puller');
["$who\nRange: bytes=0-" . (length($::Manifest) - 2), $who, $who,
 $who, $who]
--- error_code eval: [206, 200, 307, 200, 307]
--- response_headers eval
[("X-Route: /") x 2, "X-Route: cdn/", "X-Route: /", "X-Route: cdn/4321"]


=== TEST 6: one that is compressed is not read
--- http_config eval
main::backend($::Manifest, 'add_header Content-Encoding gzip;')
--- config eval: main::offload('cdn', $::Hosts)
--- request eval: [$::Pull, $::Get]
--- more_headers eval: main::basic('puller')
--- error_code eval: [200, 307]
--- response_headers eval: ["X-Route: /", "X-Route: cdn/"]


=== TEST 7: one that the gateway itself compresses is
--- http_config eval: main::backend($::Manifest)
--- config eval
main::offload('cdn', $::Hosts . 'gzip on; gzip_types *; gzip_min_length 1;')
--- request eval: [$::Pull, $::Get]
--- more_headers eval: main::basic('puller') . "\nAccept-Encoding: gzip"
--- error_code eval: [200, 307]
--- response_headers eval
["Content-Encoding: gzip", "X-Route: cdn/4321"]


=== TEST 8: one that comes out of a cache, as a file, is
--- http_config eval
main::backend($::Manifest)
. 'proxy_cache_path $TEST_NGINX_HTML_DIR/cache keys_zone=m:1m;'
--- config eval
main::offload('cdn', $::Hosts) . join '', map { <<"END" } '1', '2'
location /v2/acme/app/manifests/$_ {
    registry on;
    @{[ $_ == 2 ? $::Hosts : '' ]}
    sendfile on;
    proxy_cache m;
    proxy_cache_key same;
    proxy_cache_valid 200 1h;
    add_header X-Cache \$upstream_cache_status;
    proxy_pass http://blobs;
}
END
--- request eval: [$::Pull, $::Get, $::Pull =~ s/1$/2/r, $::Get]
--- more_headers eval: main::basic('puller')
--- error_code eval: [200, 307, 200, 307]
--- response_headers eval
["X-Cache: MISS", "X-Route: cdn/", "X-Cache: HIT", "X-Route: cdn/4321"]


=== TEST 9: nobody reads what is an error, or for somebody who is refused
--- http_config eval
main::backend($::Manifest, 'if ($http_user_agent = 404) { return 404 $manifest; }')
--- config eval: main::offload('cdn', $::Hosts . 'registry_auth dry_run;')
--- request eval: [$::Pull, $::Get]
--- more_headers eval
my $who = main::basic('puller');
["$who\nUser-Agent: 404", $who]
--- error_code eval: [404, 307]
--- response_headers eval: ["X-Route: /", "X-Route: cdn/"]


=== TEST 10: without registry_storage_host nothing is read
--- http_config eval: main::backend($::Manifest)
--- config eval: main::offload('origin')
--- request eval: [$::Pull, $::Get]
--- more_headers eval: main::basic('puller')
--- error_code eval: [200, 307]
--- response_headers eval: ["X-Route: /", "X-Route: backend/"]


=== TEST 11: HTTP/2
--- http2
--- http_config eval: main::backend($::Manifest)
--- config eval: main::offload('cdn', $::Hosts)
--- request eval: [$::Pull, $::Get]
--- more_headers eval: main::basic('puller')
--- error_code eval: [200, 307]
--- response_headers eval: ["X-Route: /", "X-Route: cdn/4321"]
