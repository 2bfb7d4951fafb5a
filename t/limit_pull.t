# A pull that was admitted at its manifest is never broken by a limit: its blobs
# pass, and so does the manifest that an index is read for.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

# The limits of a guarded location, and what each request says of them.

sub location {
    my (@limits) = @_;

    return join "\n", 'location /v2/ {', '    registry on;',
        '    registry_anonymous repository:open/**:pull;',
        (map { "    registry_limit $_;" } @limits),
        '    add_header X-Limit "$registry_limit_status|$registry_limit_name"'
        . ' always;',
        '    proxy_pass http://backend;', '}';
}

# A digest of one hexadecimal digit.

sub digest {
    return 'sha256:' . $_[0] x 64;
}

our $Tag = 'GET /v2/acme/app/manifests/1';
our $One = 'GET /v2/acme/app/manifests/' . digest(1);
our $Two = 'GET /v2/acme/app/manifests/' . digest(2);
our $Three = 'GET /v2/acme/app/manifests/' . digest(3);
our $Blob = 'GET /v2/acme/app/blobs/' . digest(4);

our $RealIp = "set_real_ip_from 127.0.0.1;\nreal_ip_header X-Client;\n";

no_root_location();
run_tests();

__DATA__

=== TEST 1: HEAD is free, and so is the manifest that an index is read for
--- config eval
main::location('pulls count=pull per=key rate=2/30d')
--- request eval
["HEAD /v2/acme/app/manifests/1", $::One, $::Two, $::Blob,
 "HEAD /v2/acme/app/manifests/1", $::One, $::Two, $::Blob,
 "HEAD /v2/acme/app/manifests/1", $::One, $::Blob]
--- more_headers eval: main::basic('puller')
--- error_code eval
[(200) x 9, 429, 200]
--- response_headers eval
[map { $_ eq '' ? '!ratelimit-remaining'
       : "ratelimit-remaining: $_;w=2592000" }
 2, 1, 1, '', 1, 0, 0, '', 0, 0, '']


=== TEST 2: the next one is charged again: there is one for each
--- config eval
main::location('pulls count=pull per=key rate=3/30d')
--- request eval
[$::Tag, $::One, $::Two, $::Tag, $::Three, $::One, $::Two]
--- more_headers eval: main::basic('puller')
--- error_code eval
[(200) x 6, 429]
--- response_headers eval
[map { "ratelimit-remaining: $_;w=2592000" } 2, 2, 1, 0, 0, 0, 0]


=== TEST 3: the same manifest is no other
--- config eval
main::location('pulls count=pull per=key rate=2/30d')
--- request eval
[$::One, $::One, $::One]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 429]


=== TEST 4: nor is a tag
--- config eval
main::location('pulls count=pull per=key rate=2/30d')
--- request eval
[$::Tag, $::Tag, $::Tag]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 429]


=== TEST 5: several indexes at once, each with its own
--- config eval
main::location('pulls count=pull per=key rate=3/30d')
--- request eval
[$::Tag, $::Tag, $::Tag, $::One, $::Two, $::Three, $::One]
--- more_headers eval: main::basic('puller')
--- error_code eval
[(200) x 6, 429]


=== TEST 6: of another repository or another key it is none
--- config eval
main::location('pulls count=pull per=tenant rate=3/30d')
--- request eval
[$::Tag, 'GET /v2/acme/web/manifests/' . main::digest(1), $::One, $::One]
--- more_headers eval
[main::basic('puller'), main::basic('puller'), main::basic('pusher'),
 main::basic('puller')]
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
[map { "ratelimit-remaining: $_;w=2592000" } 2, 1, 0, 0]


=== TEST 7: blobs of an admitted pull pass whatever a limit of requests says
--- config eval
main::location('calls count=request per=tenant rate=2/30d')
--- request eval
[$::Tag, ($::Blob) x 3, "HEAD /v2/acme/app/blobs/" . main::digest(5),
 "GET /v2/acme/app/tags/list", $::Tag]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 200, 200, 200, 429, 429]
--- response_headers eval
["X-Limit: passed|", "X-Limit: passed|", ("X-Limit: exempt|calls") x 3,
 ("X-Limit: refused|calls") x 2]


=== TEST 8: and the manifest that follows
--- config eval
main::location('calls count=request per=tenant rate=1/30d')
--- request eval
[$::Tag, $::One, $::Blob, $::Two]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 200, 429]
--- response_headers eval
["X-Limit: passed|", "X-Limit: exempt|calls", "X-Limit: exempt|calls",
 "X-Limit: refused|calls"]


=== TEST 9: blobs of a pull that was refused, or that nobody began, do not pass
--- config eval
main::location('calls count=request per=tenant rate=1/30d')
--- request eval
["GET /v2/", $::Blob, $::Tag, $::Blob]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 429, 429, 429]


=== TEST 10: nor do those of another repository, or of another key
--- config eval
main::location('calls count=request per=tenant rate=1/30d')
--- request eval
[$::Tag, 'GET /v2/acme/web/blobs/' . main::digest(4), $::Blob, $::Blob]
--- more_headers eval
[main::basic('puller'), main::basic('puller'), main::basic('pusher'),
 main::basic('puller')]
--- error_code eval
[200, 429, 429, 200]


=== TEST 11: without a key it is the address that was admitted
--- http_config eval: $::HttpConfig . $::RealIp
--- config eval
main::location('calls count=request per=repository rate=1/30d')
--- request eval
['GET /v2/open/x/manifests/1', ('GET /v2/open/x/blobs/' . main::digest(4)) x 3]
--- more_headers eval
['X-Client: 2001:db8::1', 'X-Client: 2001:db8::2', 'X-Client: 2001:db8:0:1::1',
 main::basic('admin') . "\nX-Client: 2001:db8::1"]
--- error_code eval
[200, 200, 429, 429]


=== TEST 12: nothing else of a pull is exempt
--- config eval
main::location('calls count=request per=tenant rate=1/30d')
--- request eval
[$::Tag, 'GET /v2/acme/app/tags/list', 'GET /v2/acme/app/referrers/'
 . main::digest(1), 'DELETE /v2/acme/app/blobs/' . main::digest(4),
 'POST /v2/acme/app/blobs/uploads/']
--- more_headers eval: main::basic('admin')
--- error_code eval
[200, 429, 429, 429, 429]


=== TEST 13: a manifest is admitted where no limit is, for blobs where one is
--- config
location ~ /manifests/ {
    registry on;
    proxy_pass http://backend;
}
location ~ /blobs/ {
    registry on;
    registry_limit calls count=request per=tenant rate=1/30d;
    proxy_pass http://backend;
}
--- request eval
[$::Blob, $::Blob, $::Tag, $::Blob, $::Blob]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 429, 200, 200, 200]


=== TEST 14: a pull that a dry run would refuse is admitted
--- config eval
main::location('pulls count=pull per=tenant rate=1/30d dry_run',
               'calls count=request per=tenant rate=3/30d')
--- request eval
[$::Tag, $::Tag, $::Blob, $::Blob]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 200, 200]
--- response_headers eval
["X-Limit: passed|", "X-Limit: refused_dry_run|pulls", "X-Limit: passed|",
 "X-Limit: exempt|calls"]
