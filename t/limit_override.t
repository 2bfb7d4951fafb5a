# What the records of a tenant or a key say of a limit goes before what the
# configuration says.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $OwnStore = ">>> store.json\n" . store(
    tenants => [
        tenant('acme', limits => { pulls => '2/30d', other => '1/s' }),
        tenant('rival', limits => { pulls => 'off' }),
        tenant('plain'),
        tenant('wrong', limits => { pulls => '10TB/month' }),
    ],
    keys => [
        map { key_record($_->[0], roles => ['registry-admin'],
                         tenant => $_->[1], limits => $_->[2]) }
            ['acme', 'acme'], ['more', 'acme', { pulls => '5/30d burst=3' }],
            ['off', 'acme', { pulls => 'off' }], ['rival', 'rival'],
            ['less', 'rival', { pulls => '1/30d' }], ['plain', 'plain'],
            ['wrong', 'wrong']
    ]
);

add_block_preprocessor(sub {
    my ($block) = @_;

    $block->set_value('user_files', $OwnStore);
    $block->set_value('config', <<'END') if !defined $block->config;
    location /v2/ {
        registry on;
        registry_anonymous tenant=rival repository:**:pull;
        registry_limit pulls count=pull per=key rate=1/30d;
        add_header X-Limit "$registry_limit_status|$registry_limit_name" always;
        proxy_pass http://backend;
    }
END
});

our $Manifest = 'GET /v2/acme/app/manifests/1';

check_accum_error_log();
no_root_location();
run_tests();

__DATA__

=== TEST 1: of the tenant
--- request eval
[($::Manifest) x 3]
--- more_headers eval: main::basic('acme')
--- error_code eval
[200, 200, 429]
--- response_headers eval
[map { "ratelimit-limit: 2;w=2592000\nratelimit-remaining: $_;w=2592000" }
 1, 0, 0]


=== TEST 2: of the key, with its burst
--- request eval
[($::Manifest) x 4]
--- more_headers eval: main::basic('more')
--- error_code eval
[200, 200, 200, 429]
--- response_headers eval
[map { "ratelimit-limit: 5;w=2592000\nratelimit-remaining: $_;w=2592000" }
 2, 1, 0, 0]


=== TEST 3: off for a key, and off for a tenant
--- request eval
[($::Manifest) x 4]
--- more_headers eval
[(main::basic('off')) x 2, (main::basic('rival')) x 2]
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
[("!ratelimit-limit\n!docker-ratelimit-source\nX-Limit: |") x 4]


=== TEST 4: a key of a tenant without limits that has one
--- request eval
[($::Manifest) x 2]
--- more_headers eval: main::basic('less')
--- error_code eval
[200, 429]


=== TEST 5: where no record says anything
--- request eval
[($::Manifest) x 2]
--- more_headers eval: main::basic('plain')
--- error_code eval
[200, 429]


=== TEST 6: somebody anonymous has no record
--- request eval
[($::Manifest) x 2]
--- error_code eval
[200, 429]


=== TEST 7: a quota in place of a rate is not heeded, and the log says so
--- pipelined_requests eval
[($::Manifest) x 2]
--- more_headers eval: main::basic('wrong')
--- error_code eval
[200, 429]
--- error_log
registry: the limit "pulls" of the key "wrong0000000" or its tenant "wrong" is a quota where a rate is needed, and is not heeded


=== TEST 8: a limit of another name is another limit
--- config
location /v2/ {
    registry on;
    registry_limit calls count=request per=tenant rate=1/30d;
    proxy_pass http://backend;
}
--- request eval
["GET /v2/", "GET /v2/"]
--- more_headers eval
[main::basic('acme'), main::basic('off')]
--- error_code eval
[200, 429]
