# What a backend sends for a digest is that, or it is cut and not kept.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Digest::SHA ();
use Registry::TestGateway;

our $Body   = "what is meant, and nothing else\n" x 3000;
our $Blob   = 'sha256:' . Digest::SHA::sha256_hex($Body);
our $Long   = 'sha512:' . Digest::SHA::sha512_hex($Body);
our $Empty  = 'sha256:' . Digest::SHA::sha256_hex('');
our $Small  = 'sha256:' . Digest::SHA::sha256_hex("small\n");

# acme/good has the body for any digest, and so has acme/chunked, in chunks;
# acme/empty has nothing for any, and acme/small little; acme/unbuffered says
# that it is not to be buffered.

our $Http = $HttpConfig . <<'END';
    log_format asked 'asked: $request_method $request_uri $http_range';
    proxy_cache_path $TEST_NGINX_HTML_DIR/cache keys_zone=blobs:1m;

    server {
        listen unix:$TEST_NGINX_HTML_DIR/blobs.sock;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log asked;
        root $TEST_NGINX_HTML_DIR;
        default_type application/octet-stream;
        set $file /body;

        location ~ /chunked/ {
            ssi on;
            ssi_types application/octet-stream;
            rewrite ^ /body break;
        }
        location ~ /unbuffered/ {
            add_header X-Accel-Buffering no;
            rewrite ^ /body break;
        }
        location ~ /good/ {
            rewrite ^ /body break;
        }
        location ~ /small/ {
            return 200 "small\n";
        }
        location ~ /empty/ {
            return 200 "";
        }
    }
END

our $Config = <<'END';
    location /v2/ {
        registry on;
        registry_verify_digest on;
        proxy_http_version 1.1;
        proxy_cache blobs;
        proxy_cache_key $registry_cache_key;
        proxy_cache_valid 200 1h;
        proxy_cache_convert_head off;
        proxy_force_ranges on;
        add_header X-Cache $upstream_cache_status;
        proxy_pass http://unix:$TEST_NGINX_HTML_DIR/blobs.sock;
    }
END

our $Slices = <<'END';
    location /v2/ {
        registry on;
        registry_verify_digest on;
        registry_proof on;
        slice 10k;
        proxy_http_version 1.1;
        proxy_cache blobs;
        proxy_cache_key "$registry_cache_key $slice_range";
        proxy_cache_valid 200 206 1h;
        proxy_cache_convert_head off;
        proxy_set_header Range $slice_range;
        add_header X-Key "$registry_cache_key";
        proxy_pass http://unix:$TEST_NGINX_HTML_DIR/blobs.sock;
    }
END

our $Files = ">>> body\n$Body";

run_tests();

__DATA__

=== TEST 1: what is right is sent and kept, by either algorithm and in chunks
--- http_config eval: $::Http
--- config eval: $::Config
--- user_files eval: $::Files
--- more_headers eval: main::basic('puller')
--- request eval
[map { ("GET /v2/acme/$_") x 2 } "good/blobs/$::Blob", "good/blobs/$::Long",
     "chunked/blobs/$::Blob", "good/manifests/$::Blob", "empty/blobs/$::Empty",
     "small/blobs/$::Small"]
--- response_headers eval
[("X-Cache: MISS", "X-Cache: HIT") x 6]
--- response_body eval
[($::Body) x 8, ('') x 2, ("small\n") x 2]
--- no_error_log
something else


=== TEST 2: something else is cut, and the backend asked again
--- http_config eval: $::Http
--- config eval: $::Config
--- user_files eval: $::Files
--- more_headers eval: main::basic('puller')
--- request eval
[map { "GET /v2/acme/$_/blobs/$::Digest" } qw( good unbuffered )]
--- ignore_response
--- error_log eval
"the backend sent 96000 bytes for $::Digest that are something else: the response is cut, and not kept"


=== TEST 3: slices are shared by all who have the blob, and not judged
--- http_config eval: $::Http
--- config eval: $::Slices
--- user_files eval: $::Files
--- more_headers eval
my $who = main::basic('puller');
["$who\nRange: bytes=15000-24999", $who, $who]
--- request eval
["GET /v2/acme/good/blobs/$::Blob", "GET /v2/acme/good/blobs/$::Blob",
 "GET /v2/acme/x/good/blobs/$::Blob"]
--- error_code eval
[206, 200, 200]
--- response_headers eval
[("X-Key: $::Blob") x 3]
--- response_body eval
[substr($::Body, 15000, 10000), ($::Body) x 2]
--- no_access_log
asked: GET /v2/acme/x/good
