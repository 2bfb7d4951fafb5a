# registry_auth_throttle: what is wrong too often is not looked at any more.
# Rates are slow, so that nothing grows again while a test runs.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $Target = 'GET /v2/acme/app/manifests/1';

sub location {
    my ($throttle, @more) = @_;

    return join "\n", 'location /v2/ {', '    registry on;',
        (map { "    $_;" } @more),
        "    registry_auth_throttle $throttle;",
        '    add_header X-Decision "$registry_decision|$registry_reason"'
        . ' always;',
        '    proxy_pass http://backend;', '}';
}

# As many credentials as asked for, all of them wrong and no two alike: good
# checksums for all that anybody can see.

sub wrong {
    my ($n) = @_;

    return map {
        my $text = sprintf 'ngr_%s_%032d', key_id('puller'), $_;

        "Authorization: Bearer $text" . check_digits($text);
    } 1 .. $n;
}

our ($Right) = basic('puller');

our $Changed = store(keys => [@Registry::TestGateway::Keys,
                              key_record('another')],
                     tenants => \@Registry::TestGateway::Tenants,
                     roles => \@Registry::TestGateway::Roles);

our $TooMany = '\A\{"errors":\[\{"code":"TOOMANYREQUESTS","message":"too many '
    . 'failed logins, try again in (\d+) seconds","detail":\{"retry_after":\1'
    . '\}\}\]\}\n\z';

check_accum_error_log();

no_root_location();
run_tests();

__DATA__

=== TEST 1: an address has so many tries, with whatever credentials
--- config eval
main::location('rate=1/30d burst=2')
--- request eval
[($::Target) x 3]
--- more_headers eval
[main::wrong(3)]
--- error_code eval
[401, 401, 429]
--- response_headers eval
["!Retry-After\nX-Decision: deny|wrong_secret",
 "!Retry-After\nX-Decision: deny|wrong_secret",
 "!WWW-Authenticate\nContent-Type: application/json\n"
 . "X-Decision: limit|throttled"]
--- response_body_like eval
['UNAUTHORIZED', 'UNAUTHORIZED', $::TooMany]


=== TEST 2: what a client is told to wait is whole seconds
--- config eval
main::location('rate=1/30d burst=1')
--- request eval
[($::Target) x 2]
--- more_headers eval
[main::wrong(2)]
--- error_code eval
[401, 429]
--- raw_response_headers_like eval
['', '\r\nRetry-After: (2592000|2591\d\d\d)\r\n']


=== TEST 3: garbage is a try, too, and so is a key that nobody knows
--- config eval
main::location('rate=1/30d burst=3')
--- request eval
[($::Target) x 4]
--- more_headers eval
["Authorization: Basic dXNlcjpwYXNzd29yZA==", "Authorization: Digest x",
 "Authorization: Bearer " . main::key('nobody'), main::wrong(1)]
--- error_code eval
[401, 401, 401, 429]


=== TEST 4: credentials that are right are no try, and open the address to nobody
--- config eval
main::location('rate=1/30d burst=1')
--- request eval
[($::Target) x 5]
--- more_headers eval
[$::Right, $::Right, main::wrong(2), $::Right]
--- error_code eval
[200, 200, 401, 429, 200]


=== TEST 5: who was let in is let in, even by a worker that has forgotten it
--- http_config eval
$::HttpConfig . '    registry_auth_throttle rate=1/30d burst=1;'
--- config
location /v2/ {
    registry on;
    proxy_pass http://backend;
}

location = /store.json {
    dav_methods PUT;
    root $TEST_NGINX_HTML_DIR;
}
--- request eval
[$::Target, $::Target, "PUT /store.json\n$::Changed", $::Target, $::Target]
--- more_headers eval
[$::Right, main::wrong(1), '', $::Right, (main::wrong(2))[1]]
--- wait: 1.2
--- timeout: 5
--- error_code eval
[200, 401, 204, 200, 429]


=== TEST 6: somebody new from an address that is throttled has to wait
--- config eval
main::location('rate=1/30d burst=1')
--- request eval
[($::Target) x 2]
--- more_headers eval
[main::wrong(1), $::Right]
--- error_code eval
[401, 429]


=== TEST 7: and is not refused for lack of credentials
--- config eval
main::location('rate=1/30d burst=1', 'registry_anonymous repository:acme/**:pull')
--- request eval
[($::Target) x 3]
--- more_headers eval
[main::wrong(1), '', (main::wrong(2))[1]]
--- error_code eval
[401, 200, 429]


=== TEST 8: without credentials one may ask as often as one likes
--- config eval
main::location('rate=1/30d burst=1')
--- request eval
[($::Target) x 4]
--- error_code eval
[(401) x 4]


=== TEST 9: a key without the scope is no try
--- config eval
main::location('rate=1/30d burst=1')
--- request eval
[('GET /v2/rival/app/manifests/1') x 3]
--- more_headers eval
$::Right
--- error_code eval
[(403) x 3]


=== TEST 10: the six instant tries of containerd are not too many
--- config eval
main::location('rate=30r/m')
--- request eval
[($::Target) x 7]
--- more_headers eval
[(main::wrong(1)) x 6, $::Right]
--- error_code eval
[(401) x 6, 200]


=== TEST 11: a try grows again
--- config eval
main::location('rate=1/1s burst=1')
--- request eval
[($::Target) x 2]
--- more_headers eval
[main::wrong(2)]
--- wait: 1.1
--- error_code eval
[401, 401]


=== TEST 12: a dry run refuses nobody, and tells him nothing
--- config eval
main::location('rate=1/30d burst=1', 'registry_auth dry_run')
--- request eval
[($::Target) x 2]
--- more_headers eval
[main::wrong(2)]
--- error_code eval
[200, 200]
--- response_headers eval
["X-Decision: deny|wrong_secret",
 "!Retry-After\nX-Decision: limit|throttled"]


=== TEST 13: the log has each failure, and no warning of what follows
--- config eval
main::location('rate=1/30d burst=1')
--- pipelined_requests eval
[($::Target) x 3]
--- more_headers eval
[main::wrong(3)]
--- error_code eval
[401, 429, 429]
--- error_log
registry: denied: reason wrong_secret, key "", operation pull, repository "acme/app"
registry: denied: reason throttled, key "", operation pull, repository "acme/app"
--- no_error_log eval
qr/\[warn\].*throttled/


=== TEST 14: off ends it
--- http_config eval
$::HttpConfig . '    registry_auth_throttle rate=1/30d burst=1;'
--- config eval
main::location('off')
--- request eval
[($::Target) x 3]
--- more_headers eval
[main::wrong(3)]
--- error_code eval
[(401) x 3]


=== TEST 15: a location with another rate counts for itself
--- config eval
main::location('rate=1/30d burst=1')
. ' location /v2/acme/other/ { registry on; registry_auth_throttle'
. ' rate=1/30d burst=2; proxy_pass http://backend; }'
--- request eval
[$::Target, ('GET /v2/acme/other/manifests/1') x 3, $::Target]
--- more_headers eval
[main::wrong(5)]
--- error_code eval
[401, 401, 401, 429, 429]
