# CDNs: their health, their schemes, and two signatures.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;
use Registry::TestOffload;

# A cdn of another scheme.

sub cdn {
    my ($lines) = @_;

    return "$OffloadConfig registry_cdn other { $lines }";
}

our $Key_ = 'key_file=$TEST_NGINX_HTML_DIR/other.key';
our $Get = "GET /v2/acme/app/blobs/$There";

run_tests();

__DATA__

=== TEST 1: a CDN that is down is no road
--- http_config eval
main::cdn('url https://e/$registry_digest; health /up;
           sign hmac key_file=$TEST_NGINX_HTML_DIR/cdn.key;')
--- config eval
main::offload('other') . <<'END'
location = /up { internal; return 503; }
END
--- request eval: $::Get
--- more_headers eval: main::basic('puller')
--- error_code: 200
--- response_headers
X-Route: origin/21
--- error_log
the cdn "other" is down (status 503 of "/up")


=== TEST 2: one that is up
--- http_config eval
main::cdn('url https://e/$registry_digest; health /up;
           sign hmac key_file=$TEST_NGINX_HTML_DIR/cdn.key;')
--- config eval
main::offload('other') . <<'END'
location = /up { internal; return 204; }
END
--- request eval: [$::Get, $::Get]
--- more_headers eval: main::basic('puller')
--- error_code eval: [307, 307]
--- no_error_log
is down


=== TEST 3: one whose health nobody knows
--- http_config eval
main::cdn('url https://e/$registry_digest; health /up;
           sign hmac key_file=$TEST_NGINX_HTML_DIR/cdn.key;')
--- config eval
main::offload('other') . <<'END'
location = /up { internal; proxy_pass http://127.0.0.1:1; }
END
--- request eval: $::Get
--- more_headers eval: main::basic('puller')
--- error_code: 200


=== TEST 4: S3
--- http_config eval
main::cdn('url https://b.s3.eu-central-1.amazonaws.com/docker/registry/v2/blobs/sha256/$registry_digest_prefix/$registry_digest_hex/data;'
          . "sign s3 region=eu-central-1 $::Key_;")
--- config eval: main::offload('other')
--- user_files
>>> other.key
aws_access_key_id = AKID
aws_secret_access_key = SECRET
aws_session_token = TOKEN
--- request eval: $::Get
--- more_headers eval: main::basic('puller')
--- error_code: 307
--- response_headers_like eval
'Location: https://b\.s3\.eu-central-1\.amazonaws\.com/docker/registry/v2/blobs'
. '/sha256/../[0-9a-f]{64}/data\?X-Amz-Algorithm=AWS4-HMAC-SHA256'
. '&X-Amz-Credential=AKID%2F\d{8}%2Feu-central-1%2Fs3%2Faws4_request'
. '&X-Amz-Date=\d{8}T\d{6}Z&X-Amz-Expires=1500&X-Amz-Security-Token=TOKEN'
. '&X-Amz-SignedHeaders=host&X-Amz-Signature=[0-9a-f]{64}'


=== TEST 5: a credential that has expired makes no URL
--- http_config eval
main::cdn("url https://b/\$registry_digest; sign s3 region=eu $::Key_;")
--- config eval: main::offload('other')
--- user_files
>>> other.key
aws_access_key_id = AKID
aws_secret_access_key = SECRET
expiration = 2020-01-01T00:00:00Z
--- request eval: $::Get
--- more_headers eval: main::basic('puller')
--- error_code: 200
--- error_log eval
qr{the key of the cdn "other" in "\S+" has expired, or will in a minute}


=== TEST 6: one that will expire ends the URL
--- http_config eval
main::cdn("url https://b/\$registry_digest; sign s3 region=eu $::Key_; ttl 6d;")
--- config eval: main::offload('other')
--- user_files eval
my @t = gmtime(time + 3600);
sprintf ">>> other.key\naws_access_key_id = A\naws_secret_access_key = S\n"
        . "expiration = %d-%02d-%02dT%02d:%02d:%02dZ\n", $t[5] + 1900,
        $t[4] + 1, @t[3, 2, 1, 0]
--- request eval: $::Get
--- more_headers eval: main::basic('puller')
--- error_code: 307
--- response_headers_like eval
'Location: https://b/.*&X-Amz-Expires=3[5-9]\d\d&.*'


=== TEST 7: the inner signature is signed by the outer, in whatever order
--- http_config eval
main::cdn("url https://b/\$registry_digest;
           sign cloudfront key_pair_id=K hash=sha256 $::Key_;
           sign hmac key_file=\$TEST_NGINX_HTML_DIR/cdn.key;")
--- config eval: main::offload('other')
--- user_files eval
">>> other.key\n" . `openssl genrsa 2048 2> /dev/null`
--- request eval: [$::Get, $::Get]
--- more_headers eval: main::basic('puller')
--- error_code eval: [307, 307]
--- response_headers_like eval
[('Location: https://b/[^?]*\?reg_expires=\d+&reg_tenant=acme'
  . '&reg_repository=acme/app&reg_signature=[A-Za-z0-9_-]{43}&Expires=\d+'
  . '&Signature=[A-Za-z0-9~_-]{344}&Key-Pair-Id=K&Hash-Algorithm=SHA256') x 2]


=== TEST 8: nginx's own secure_link takes what secure_link signs
--- http_config eval
main::cdn("url http://b/s/\$registry_repository; sign secure_link $::Key_;")
--- config eval
main::offload('other', 'error_page 307 = @follow;') . <<'END'
location @follow {
    proxy_method GET;
    set $to $sent_http_location;
    if ($to ~ ^http://b(/.*)$) { set $to $1; }
    proxy_pass http://127.0.0.1:$server_port$to;
}
location /s/ {
    secure_link $arg_md5,$arg_expires;
    secure_link_md5 "$secure_link_expires$uri the other secret, long enough";
    return 200 "[$secure_link]";
}
END
--- user_files
>>> other.key
the other secret, long enough
--- request eval: $::Get
--- more_headers eval: main::basic('puller')
--- response_body chomp
[1]
