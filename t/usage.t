# registry_usage: who used which key, from where, for what, is written down.
#
# A line has room for eight manifests that were pushed.  The ninth push has all
# that was counted so far written, so that no test has to wait for the timer.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $Target = 'GET /v2/acme/app/manifests/1';

our $Backend = <<'END';
    server {
        listen unix:$TEST_NGINX_HTML_DIR/created.sock;

        location / {
            add_header Docker-Content-Digest sha256:5e1d always;
            return 201;
        }
    }
END

our $On = $HttpConfig . "    registry_usage on interval=1h;\n" . $Backend;

our @Write = map { "PUT /v2/acme/pushed/manifests/v$_\n{}" } 1 .. 9;
our @Written = ('pusher') x 9;

our $Pushed = join ',', map { qq("v$_\@sha256:5e1d") } 1 .. 8;
our $Others = qr/\{"key":"pusher000000",[^\n]*"pushed":\[\Q$Pushed\E\]\}\n/;

our $Config = <<'END';
    location /v2/ {
        registry on;
        registry_anonymous repository:public/**:pull;
        proxy_pass http://backend;
    }

    location /v2/acme/pushed/ {
        registry on;
        proxy_pass http://unix:$TEST_NGINX_HTML_DIR/created.sock;
    }

    location = /usage {
        alias $TEST_NGINX_HTML_DIR/store.json.usage;
        default_type text/plain;
    }
END

# The line that a use becomes, with any time.

sub line {
    my ($key, $count, $operation, $decision, $repository, $pushed) = @_;

    my $time = '"20\d\d-\d\d-\d\dT\d\d:\d\d:\d\dZ"';

    return qq(\\{"key":"$key","first":$time,"last":$time,"count":$count,)
        . qq("address":"127\\.0\\.0\\.1","agent":"test/1","repository":)
        . qq("$repository","operation":"$operation","decision":"$decision",)
        . qq("pushed":\\[@{[ $pushed // '' ]}\\]\\}\n);
}

# What a file of a gateway that ran before has.

sub seen_from {
    my (@addresses) = @_;

    return ">>> store.json.usage\nnonsense\n" . join '', map {
        '{"key":"puller000000","first":"2026-01-01T00:00:00Z",'
        . '"last":"2026-01-01T00:00:00Z","count":1,"address":"' . $_ . '",'
        . '"agent":"","repository":"","operation":"ping","decision":"allow",'
        . '"pushed":[]}' . "\n"
    } @addresses;
}

sub as {
    my (@names) = @_;

    return [map { ($_ ? (basic($_))[0] . "\n" : '') . 'User-Agent: test/1' }
            @names];
}

# what is logged of several requests is looked for after each of them
check_accum_error_log();

no_root_location();
run_tests();

__DATA__

=== TEST 1: a use is a line
--- http_config eval: $::On
--- config eval: $::Config
--- request eval
[$::Target, @::Write, 'GET /usage']
--- more_headers eval
main::as('puller', @::Written, '')
--- error_code eval
[200, (201) x 9, 200]
--- response_body_like eval
[('') x 10, '\A' . main::line('puller000000', 1, 'pull', 'allow', 'acme/app')
            . "$::Others\\z"]


=== TEST 2: those that differ in their time alone are one
--- http_config eval: $::On
--- config eval: $::Config
--- request eval
[$::Target, 'HEAD /v2/acme/app/manifests/1', 'GET /v2/', $::Target, @::Write,
 'GET /usage']
--- more_headers eval
main::as(('puller') x 4, @::Written, '')
--- error_code eval
[(200) x 4, (201) x 9, 200]
--- response_body_like eval
[('') x 13, '\A' . main::line('puller000000', 3, 'pull', 'allow', 'acme/app')
            . main::line('puller000000', 1, 'ping', 'allow', '')
            . "$::Others\\z"]


=== TEST 3: what was denied is a use, too, and nobody is none
--- http_config eval: $::On
--- config eval: $::Config
--- request eval
['GET /v2/rival/app/manifests/1', 'GET /v2/public/app/manifests/1', $::Target,
 @::Write, 'GET /usage']
--- more_headers eval
main::as('puller', '', '', @::Written, '')
--- error_code eval
[403, 200, 401, (201) x 9, 200]
--- response_body_like eval
[('') x 12, '\A' . main::line('puller000000', 1, 'pull', 'deny', 'rival/app')
            . "$::Others\\z"]


=== TEST 4: a wrong secret is no use of the key
--- http_config eval: $::On
--- config eval: $::Config
--- request eval
[$::Target, @::Write, 'GET /usage']
--- more_headers eval
['Authorization: Bearer ngr_puller000000_' . 'y' x 38,
 @{main::as(@::Written, '')}]
--- error_code eval
[401, (201) x 9, 200]
--- response_body_like eval
[('') x 10, "\\A$::Others\\z"]


=== TEST 5: a manifest that came by its digest is named by that alone
--- http_config eval: $::On
--- config eval: $::Config
--- request eval
["PUT /v2/acme/pushed/manifests/$::Digest\n{}", @::Write, 'GET /usage']
--- more_headers eval
main::as('pusher', @::Written, '')
--- error_code eval
[(201) x 10, 200]
--- response_body_like eval
[('') x 10, '\A[^\n]*"pushed":\["' . $::Digest . '","v1@sha256:5e1d",']


=== TEST 6: what the backend has not created is not named
--- http_config eval: $::On
--- config eval: $::Config
--- request eval
["PUT /v2/acme/app/manifests/v1\n{}", @::Write, 'GET /usage']
--- more_headers eval
main::as('pusher', @::Written, '')
--- error_code eval
[200, (201) x 9, 200]
--- response_body_like eval
[('') x 10, '\A' . main::line('pusher000000', 1, 'push', 'allow', 'acme/app')]


=== TEST 7: the timer writes what no push does
--- http_config eval: $::On =~ s/1h/10ms/r
--- config eval: $::Config
--- request eval
[$::Target, 'GET /usage']
--- more_headers eval
main::as('puller', '')
--- wait: 1
--- error_code eval
[200, 200]
--- response_body_like eval
['', '\A' . main::line('puller000000', 1, 'pull', 'allow', 'acme/app') . '\z']


=== TEST 8: the first network of a key is no news
--- http_config eval: $::On
--- config eval: $::Config
--- pipelined_requests eval
[$::Target, @::Write]
--- more_headers eval
main::as('puller', @::Written)
--- error_code eval
[200, (201) x 9]
--- no_error_log
was used from a new network


=== TEST 9: the second is
--- http_config eval: $::On
--- config eval: $::Config
--- user_files eval
">>> store.json\n$::Store" . main::seen_from('203.0.113.7')
--- pipelined_requests eval
[$::Target, @::Write]
--- more_headers eval
main::as('puller', @::Written)
--- error_code eval
[200, (201) x 9]
--- error_log
registry: the API key "puller000000" was used from a new network, 127.0.0.0/24


=== TEST 10: and is known from then on
--- http_config eval: $::On
--- config eval: $::Config
--- user_files eval
">>> store.json\n$::Store" . main::seen_from('203.0.113.7', '127.0.0.9')
--- pipelined_requests eval
[$::Target, @::Write]
--- more_headers eval
main::as('puller', @::Written)
--- error_code eval
[200, (201) x 9]
--- no_error_log
was used from a new network


=== TEST 11: off by default
--- http_config eval: $::HttpConfig . $::Backend
--- config eval: $::Config
--- request eval
[$::Target, @::Write, 'GET /usage']
--- more_headers eval
main::as('puller', @::Written, '')
--- error_code eval
[200, (201) x 9, 404]


=== TEST 12: it needs a store
--- http_config
    registry_usage on;
--- config
    location / { return 200; }
--- must_die
--- error_log
"registry_usage" needs "registry_store"
