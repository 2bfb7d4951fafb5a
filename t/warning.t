# Warning: 299, for those whose key ends soon.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

use POSIX ();

our $Target = 'GET /v2/acme/app/manifests/1';

# Some seconds more than it says: a test takes its time.

sub in {
    my ($seconds) = @_;

    return POSIX::strftime '%Y-%m-%dT%H:%M:%SZ', gmtime time + $seconds + 600;
}

my @puller = (roles => ['image-puller']);

our @Ends = (
    ['month', 30 * 86400, undef],
    ['week', 7 * 86400, undef],
    ['days', 3 * 86400, '3 days'],
    ['two', 2 * 86400, '2 days'],
    ['hours', 47 * 3600, '47 hours'],
    ['hour', 3600, '1 hour'],
    ['minutes', 60, 'less than an hour'],
);

our $Ending = ">>> store.json\n" . store(
    keys => [key_record('never', @puller),
             key_record('old', @puller, expires_at => in(30 * 86400),
                        rotated_to => key_id('new')),
             key_record('endless', @puller, rotated_to => key_id('new')),
             key_record('new', @puller),
             map { key_record($_->[0], @puller, expires_at => in($_->[1])) }
                 @Ends],
    tenants => \@Registry::TestGateway::Tenants);

sub warning {
    my ($name, $time, $more) = @_;

    return '!Warning' if !$time;
    return qq{Warning: 299 - "API key @{[key_id($name)]} expires in $time}
           . ($more // '') . '"';
}

no_root_location();
run_tests();

__DATA__

=== TEST 1: of a key that ends within a week
--- user_files eval: $::Ending
--- request eval
[($::Target) x @::Ends]
--- more_headers eval
[map { (main::basic($_->[0]))[0] } @::Ends]
--- error_code eval
[(200) x @::Ends]
--- response_headers eval
[map { main::warning(@$_[0, 2]) } @::Ends]


=== TEST 2: of a key that has been rotated, always
--- user_files eval: $::Ending
--- request eval: $::Target
--- more_headers eval: main::basic('old')
--- response_headers eval
main::warning('old', '30 days', ", there is a new one, @{[main::key_id('new')]}")


=== TEST 3: not of the new one, nor of one that never ends
--- user_files eval: $::Ending
--- request eval
[($::Target) x 4]
--- more_headers eval
[map { (main::basic($_))[0] } 'new', 'never', 'endless', 'new']
--- error_code eval
[(200) x 4]
--- response_headers eval
[('!Warning') x 4]


=== TEST 4: nor to one who is refused, or in a dry run
--- user_files eval: $::Ending
--- config
    location /v2/ {
        registry on;
        proxy_pass http://backend;
    }
    location /v2/acme/dry/ {
        registry on;
        registry_auth dry_run;
        proxy_pass http://backend;
    }
--- request eval
['GET /v2/rival/app/manifests/1', 'GET /v2/acme/dry/app/manifests/1']
--- more_headers eval: main::basic('days')
--- error_code eval
[403, 200]
--- response_headers eval
[('!Warning') x 2]


=== TEST 5: once, whatever error_page makes of it
--- user_files eval: $::Ending
--- config
    location /v2/ {
        registry on;
        proxy_intercept_errors on;
        error_page 404 = /v2/acme/other/tags/list;
        proxy_pass http://unix:$TEST_NGINX_HTML_DIR/missing.sock;
    }
    location /v2/acme/other/ {
        registry on;
        proxy_pass http://backend;
    }
--- http_config eval
$::HttpConfig . <<'END'
    server {
        listen unix:$TEST_NGINX_HTML_DIR/missing.sock;
        return 404;
    }
END
--- request eval: $::Target
--- more_headers eval: main::basic('days')
--- error_code: 200
--- raw_response_headers_unlike: Warning:[\s\S]*Warning:
--- response_headers eval
main::warning('days', '3 days')
