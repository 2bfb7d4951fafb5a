# What nginx -t says of blob offload, beside the errors that the reference has.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;
use Registry::TestOffload;

# A cdn with more in its block.

sub cdn {
    my ($lines) = @_;

    return "$OffloadConfig registry_cdn other { $lines }";
}

our $Sign = 'sign hmac key_file=$TEST_NGINX_HTML_DIR/cdn.key;';

run_tests();

__DATA__

=== TEST 1: the name of the registry, and what is below it
--- http_config eval
main::cdn("url https://cdn.registry.example.com/\$uri; $::Sign")
--- config eval
'server_name registry.example.com;' . main::offload('cdn')
--- request
GET /v2/
--- error_code: 401
--- error_log eval
qr{\[warn\] .*the url of the cdn "other" is under "registry\.example\.com", the name of the registry: clients send it their credentials in \S+nginx\.conf:\d+}


=== TEST 2: a name that only ends alike is another
--- http_config eval
main::cdn("url https://myregistry.example.com/\$uri; $::Sign")
--- config eval
'server_name registry.example.com;' . main::offload('cdn')
--- request
GET /v2/
--- error_code: 401
--- no_error_log
[warn]


=== TEST 3: two of hmac, or none
--- http_config eval: main::cdn("url https://e/; $::Sign $::Sign")
--- config eval: main::offload('cdn')
--- must_die
--- error_log
"sign" of the cdn "other" is there twice, and not one of them is "hmac", or both are


=== TEST 4: twice the same name
--- http_config eval: $::OffloadConfig . $::Cdn
--- config eval: main::offload('cdn')
--- must_die
--- error_log
the cdn "cdn" is there twice


=== TEST 5: a named location of another server
--- http_config eval
"$::OffloadConfig server { listen 127.0.0.1:1; location \@far { return 204; } }"
--- config eval: main::offload('@far')
--- must_die
--- error_log
there is no route "@far" for "registry_blob_route"


=== TEST 6: a key that cannot be read
--- http_config eval
main::cdn('url https://e/; sign hmac key_file=/nonexistent/key;')
--- config eval: main::offload('cdn')
--- must_die
--- error_log
registry: cannot open "/nonexistent/key"


=== TEST 7: a key of the wrong kind
--- http_config eval
main::cdn('url https://e/; sign cloudfront key_pair_id=K key_file=$TEST_NGINX_HTML_DIR/ec.pem;')
--- config eval: main::offload('cdn')
--- user_files eval
">>> ec.pem\n" . `openssl ecparam -name prime256v1 -genkey -noout`
--- must_die
--- error_log
cannot be used: its key must be RSA of 2048 to 8192 bits


=== TEST 8: a url whose host is a variable is judged when it is known
--- http_config eval
$::OffloadConfig =~ s{https://cdn.example.com}{https://\$arg_host}r
--- config eval: main::offload('cdn')
--- request eval
[map { "GET /v2/acme/app/blobs/$::There?host=$_" } 'h', 'u@h', '']
--- more_headers eval: main::basic('puller')
--- error_code eval
[307, 200, 200]


=== TEST 9: a signature of hmac in what sorts and spells arguments anew
--- http_config eval
main::cdn('url https://e/; sign s3 region=eu key_file=$TEST_NGINX_HTML_DIR/s3.key;'
          . $::Sign)
--- config eval: main::offload('cdn')
--- user_files
>>> s3.key
aws_access_key_id = A
aws_secret_access_key = S
--- must_die
--- error_log
"sign" of the cdn "other" is there twice: what "hmac" signs stays whole only behind cloudfront, google_cdn and secure_link


=== TEST 10: a location that blobs may be sent to, and that inherits credentials
--- http_config eval
$::OffloadConfig . 'map $http_x_route $route { default @edge; }'
--- config eval
'registry on; registry_backend_auth passthrough;' . main::offload('$route')
. 'location @edge { proxy_pass http://blobs; }'
--- request
GET /v2/
--- error_code: 401
--- error_log
[warn]
"@edge", where blobs may be sent, inherits "registry_backend_auth" and gets credentials: say there whether it is to


=== TEST 11: one that says itself what it gets, and one that is not the registry's
--- http_config eval: $::OffloadConfig
--- config eval
'registry on; registry_backend_auth passthrough;' . main::offload('@edge')
. 'location @edge { registry_backend_auth off; proxy_pass http://blobs; }
   location @page { registry off; return 200; }'
--- request
GET /v2/
--- error_code: 401
--- no_error_log
[warn]
