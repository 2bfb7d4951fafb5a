# Keys that may be used from some networks only.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $OwnStore = ">>> store.json\n" . store(
    keys => [
        map { key_record($_->[0], roles => ['image-puller'],
                         allow_from => $_->[1]) }
            [loop   => ['127.0.0.0/8']],
            [away   => ['10.0.0.0/8']],
            [four   => ['10.1.2.0/24', '192.0.2.7']],
            [six    => ['2001:db8::/32', '2001:db9::1']],
            [mapped => ['::ffff:10.1.2.0/120']],
            [all4   => ['0.0.0.0/0']],
            [all6   => ['::/0']],
            [none   => []],
    ],
    tenants => [tenant('acme')]
);


# The address is the one that realip finds behind a trusted balancer.

our $RealIp = <<'END';
    set_real_ip_from 127.0.0.1;
    real_ip_header X-Real-IP;

    location /v2/ {
        registry on;
        add_header X-Reason $registry_reason always;
        proxy_pass http://backend;
    }
END

our @From = (
    [four   => '10.1.2.0'           => 200],
    [four   => '10.1.2.255'         => 200],
    [four   => '10.1.3.0'           => 403],
    [four   => '192.0.2.7'          => 200],
    [four   => '192.0.2.8'          => 403],
    [four   => '2001:db8::1'        => 403],

    # a client on a dual-stack socket is the same client
    [four   => '::ffff:10.1.2.3'    => 200],
    [mapped => '10.1.2.3'           => 200],
    [mapped => '10.1.3.3'           => 403],

    [six    => '2001:db8::1'        => 200],
    [six    => '2001:db8:ffff::'    => 200],
    [six    => '2001:db9::1'        => 200],
    [six    => '2001:db9::2'        => 403],
    [six    => '10.1.2.3'           => 403],
    [all4   => '203.0.113.9'        => 200],
    [all4   => '2001:db8::1'        => 403],
    [all6   => '2001:db8::1'        => 200],
    [none   => '203.0.113.9'        => 200],
);

run_tests();

__DATA__

=== TEST 1: from inside and from outside
--- user_files eval: $::OwnStore
--- request eval
[("GET /v2/acme/app/manifests/1") x 2]
--- more_headers eval
[main::basic('loop'), main::basic('away')]
--- error_code eval
[200, 403]
--- response_headers eval
["X-Reason: granted", "X-Reason: address"]
--- response_body eval
["GET /v2/acme/app/manifests/1 []\n",
 main::denied('the API key may not be used from this address')]


=== TEST 2: the address is that of realip
--- config eval: $::RealIp
--- user_files eval: $::OwnStore
--- request eval
[("GET /v2/acme/app/manifests/1") x @::From]
--- more_headers eval
[map { main::basic($_->[0]) . "\nX-Real-IP: $_->[1]" } @::From]
--- error_code eval
[map { $_->[2] } @::From]
--- response_headers eval
[map { 'X-Reason: ' . ($_->[2] == 200 ? 'granted' : 'address') } @::From]


=== TEST 3: headers that nobody declared trustworthy change nothing
--- user_files eval: $::OwnStore
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval
main::basic('away') . <<'END';

X-Real-IP: 10.0.0.1
X-Forwarded-For: 10.0.0.1
Forwarded: for=10.0.0.1
X-Original-Forwarded-For: 10.0.0.1
END
--- error_code: 403
--- response_headers
X-Reason: address
--- no_access_log
backend:


=== TEST 4: a ping is held to it as well
--- user_files eval: $::OwnStore
--- request
GET /v2/
--- more_headers eval: main::basic('away')
--- error_code: 403
--- response_headers
X-Reason: address
