# No key in any log, whatever goes wrong.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

# every key of Registry::TestKeys holds the word "SecretOf"; in base64 it is one
# of three, by where it falls

our @Canary = ('SecretOf', map { substr MIME::Base64::encode_base64(
                                            'x' x $_ . 'SecretOf', ''), 4, 8 }
                               0 .. 2);

our $AnyCanary = join '|', @Canary;

my $key = key('puller');
my $broken = substr($key, 0, -1) . (substr($key, -1) eq 'a' ? 'b' : 'a');

# What may go wrong with a request that carries a key.

our @Cases = (
    [200, 'GET /v2/acme/app/manifests/1', basic('puller')],
    [403, 'PUT /v2/acme/app/manifests/1', basic('puller')],
    [401, 'GET /v2/acme/app/manifests/1', basic('ghost')],
    [401, 'GET /v2/acme/app/manifests/1', "Authorization: Bearer $broken"],
    [401, 'GET /v2/acme/app/manifests/1', "Authorization: Basic $key"],
    [401, 'GET /v2/acme/app/manifests/1', "Authorization: $key"],
    [401, 'GET /v2/acme/app/manifests/1',
     'Authorization: Basic ' . MIME::Base64::encode_base64("$key:x", '')],
    [400, 'GET /v2/acme//app/manifests/1', basic('puller')],
    [404, 'GET /v2/nowhere', basic('puller')],
    [405, 'BREW /v2/acme/app/manifests/1', basic('puller')],
    [400, 'GET /v2/_catalog?n=x', basic('puller')],
    [502, 'GET /v2/acme/down/manifests/1', basic('puller')],
    [502, 'GET /v2/acme/picky/manifests/1', basic('puller')],
    [400, 'GET /v2/acme/app/manifests/1',
     basic('puller') . "\nHost: a\nHost: b"],
    [400, 'GET /v2/acme/app/manifests/1',
     basic('puller') . "\nX-Big: " . 'x' x 9000],
    [413, "PUT /v2/acme/small/manifests/1\nmore than ten", basic('pusher')],
);

our $Gateway = <<'END';
    location /v2/ {
        registry on;
        proxy_pass http://backend;
    }
    location /v2/acme/down/ {
        registry on;
        proxy_pass http://127.0.0.1:1;
    }
    location /v2/acme/small/ {
        registry on;
        client_max_body_size 10;
        proxy_pass http://backend;
    }
    location /v2/acme/picky/ {
        registry on;
        proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
    }
END

our $Picky = $HttpConfig . <<'END';
    server {
        listen unix:$TEST_NGINX_HTML_DIR/picky.sock;
        return 401;
    }
END

run_tests();

__DATA__

=== TEST 1: what an operator reads
--- http_config eval: $::Picky
--- config eval: $::Gateway
--- request eval
[map { $_->[1] } @::Cases]
--- more_headers eval
[map { $_->[2] } @::Cases]
--- error_code eval
[map { $_->[0] } @::Cases]
--- no_error_log eval
\@::Canary
--- no_access_log eval
\@::Canary


=== TEST 2: our own words when all is logged
--- log_level: debug
--- http_config eval: $::Picky
--- config eval: $::Gateway
--- request eval
[map { $_->[1] } @::Cases]
--- more_headers eval
[map { $_->[2] } @::Cases]
--- error_code eval
[map { $_->[0] } @::Cases]
--- no_error_log eval
[map { qr/registry.*$_/ } @::Canary]


=== TEST 3: no answer tells a key
--- http_config eval: $::Picky
--- config eval: $::Gateway
--- request eval
[map { $_->[1] } @::Cases]
--- more_headers eval
[map { $_->[2] } @::Cases]
--- error_code eval
[map { $_->[0] } @::Cases]
--- response_body_unlike eval
[($::AnyCanary) x @::Cases]


=== TEST 4: nor does a store that is broken
--- user_files eval
">>> store.json\n" . $::Store =~ s/"keys"/"kezs"/r
--- must_die
--- error_log
registry store
--- no_error_log
SecretOf


=== TEST 5: nor a secret file that is wrong
--- config
location /v2/ {
    registry on;
    registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
    proxy_pass http://backend;
}
--- user_files
>>> backend.secret
SecretOfTheBackend
--- must_die
--- error_log
backend.secret
--- no_error_log
SecretOfTheBackend


=== TEST 6: what a client writes into a target cannot forge a log line
--- request
GET /v2/acme/app%0a2026/01/01%2000:00:00%20[alert]%20forged/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 400
--- no_error_log eval
qr/^2026\/01\/01 00:00:00 \[alert\]/
