# What nginx says of a limit that is wrong: file, line and a sentence that says
# what would be right.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

# The sentence, and that it ends with the place.

sub said {
    my ($sentence) = @_;

    return qr{\[emerg\] .*\Q$sentence\E.* in \S+/conf/nginx\.conf:\d+$};
}

run_tests();

__DATA__

=== TEST 1: a name that is none
--- config
location /v2/ {
    registry on;
    registry_limit Pulls count=pull per=key rate=1/h;
}
--- must_die
--- error_log eval
main::said('invalid name "Pulls" in "registry_limit", it must match '
           . '[a-z0-9][a-z0-9._-]{0,62}')


=== TEST 2: nothing but a name
--- config
location /v2/ {
    registry on;
    registry_limit pulls;
}
--- must_die
--- error_log eval
main::said('the limit "pulls" needs "count=", "per=" and "rate="')


=== TEST 3: without a rate
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key;
}
--- must_die
--- error_log eval
main::said('the limit "pulls" needs "count=", "per=" and "rate="')


=== TEST 4: a count of something else
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pulls per=key rate=1/h;
}
--- must_die
--- error_log eval
main::said('invalid "count=pulls" in the limit "pulls", it must be '
           . 'pull, push, request or egress')


=== TEST 5: per something else
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=ip rate=1/h;
}
--- must_die
--- error_log eval
main::said('invalid "per=ip" in the limit "pulls", it must be address,'
           . ' key, tenant or repository, or two of them separated by a '
           . 'comma')


=== TEST 6: per three
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key,tenant,address rate=1/h;
}
--- must_die
--- error_log eval
main::said('invalid "per=key,tenant,address" in the limit "pulls", it '
           . 'must be address, key, tenant or repository, or two of them'
           . ' separated by a comma')


=== TEST 7: a rate of nothing
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=0/s;
}
--- must_die
--- error_log eval
main::said('invalid "rate=" in the limit "pulls": "0/s" lets nothing '
           . 'pass, the least is 1 in a window, such as 1/1d')


=== TEST 8: a rate by the fortnight
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=10/fortnight;
}
--- must_die
--- error_log eval
main::said('invalid "rate=" in the limit "pulls": "fortnight" is no '
           . 'window, it is one of s, m, h, d and w, with a number '
           . 'before it or without, such as 6h')


=== TEST 9: a negative rate
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=-1r/s;
}
--- must_die
--- error_log eval
main::said('invalid "rate=" in the limit "pulls": "-1r/s" is no rate, '
           . 'write digits and a window, such as 10r/s or 100/6h')


=== TEST 10: a rate in bytes
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1e9TB;
}
--- must_die
--- error_log eval
main::said('invalid "rate=" in the limit "pulls": "1e9TB" is no rate, '
           . 'write digits and a window, such as 10r/s or 100/6h')


=== TEST 11: a rate beyond all
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1000001r/s;
}
--- must_die
--- error_log eval
main::said('invalid "rate=" in the limit "pulls": "1000001r/s" is more'
           . ' than 1000000 in a second or 1000000000 in a window')


=== TEST 12: a burst of nothing
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/h burst=0;
}
--- must_die
--- error_log eval
main::said('invalid "burst=" in the limit "pulls": "0" is no burst, '
           . 'write how many may pass at once, 1 or more')


=== TEST 13: a burst that takes years
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/1d burst=365;
}
--- must_die
--- error_log eval
main::said('invalid "burst=" in the limit "pulls": a burst of "365" is'
           . ' more than 1000000000 or takes more than 100 days to grow '
           . 'again')


=== TEST 14: a burst of no rate yet
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key burst=2 rate=1/1d;
}
--- must_die
--- error_log eval
main::said('"burst=" of the limit "pulls" must come behind "rate="')


=== TEST 15: a parameter twice
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/1d rate=2/1d;
}
--- must_die
--- error_log eval
main::said('"rate=" is there twice in the limit "pulls"')


=== TEST 16: a parameter that is none
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/1d delay=5;
}
--- must_die
--- error_log eval
main::said('invalid parameter "delay=5" in the limit "pulls", it must '
           . 'be "count=", "per=", "rate=", "quota=", "burst=", "mode=", '
           . '"zone=" or "dry_run"')


=== TEST 17: a mode that is none
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/1d mode=global;
}
--- must_die
--- error_log eval
main::said('invalid "mode=global" in the limit "pulls", it must be '
           . 'local, exact or lease')


=== TEST 18: a zone that is too small
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/1d zone=32k;
}
--- must_die
--- error_log eval
main::said('invalid "zone=32k" in the limit "pulls", a zone has 64k or'
           . ' more')


=== TEST 19: a zone that is no size
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/1d zone=large;
}
--- must_die
--- error_log eval
main::said('invalid "zone=large" in the limit "pulls", a zone has 64k '
           . 'or more')


=== TEST 20: a dry run with a value
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/1d dry_run=on;
}
--- must_die
--- error_log eval
main::said('"dry_run" of the limit "pulls" takes no value')


=== TEST 21: a limit twice
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/1d;
    registry_limit pulls count=pull per=key rate=1/1d;
}
--- must_die
--- error_log eval
main::said('the limit "pulls" is here twice')


=== TEST 22: off twice
--- config
location /v2/ {
    registry on;
    registry_limit off;
    registry_limit off;
}
--- must_die
--- error_log eval
main::said('"registry_limit" directive is duplicate')


=== TEST 23: off, and a limit
--- config
location /v2/ {
    registry on;
    registry_limit off;
    registry_limit pulls count=pull per=key rate=1/1d;
}
--- must_die
--- error_log eval
main::said('"registry_limit" directive is off here already')


=== TEST 24: a limit, and off
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/1d;
    registry_limit off;
}
--- must_die
--- error_log eval
main::said('"registry_limit" directive is duplicate')


=== TEST 25: a name that is another limit already, which is named by its place
--- config
location /v2/a/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/1d;
}
location /v2/b/ {
    registry on;
    registry_limit pulls count=pull per=key rate=2/1d;
}
--- must_die
--- error_log eval
my $place = '\S+/conf/nginx\.conf:';
qr/the limit "pulls" is another in $place\d+: give it the same parameters, or another name in $place\d+$/


=== TEST 26: more than 16 of them
--- config eval
"location /v2/ { registry on;\n"
. join('', map { "registry_limit l$_ count=pull per=key rate=1/1d zone=64k;\n" }
       1 .. 17) . '}'
--- must_die
--- error_log eval
main::said('"registry_limit" directive has more than 16 limits here')


=== TEST 27: 16 of them, the smallest zones, and all that can be said
--- config eval
"location /v2/ { registry on; registry_limit a count=push per=key,tenant "
. "rate=5r/m burst=3 mode=local zone=64k dry_run;\n"
. join('', map { "registry_limit l$_ count=pull per=key rate=1/1d zone=64k;\n" }
       1 .. 15) . ' proxy_pass http://backend; }'
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')


=== TEST 28: a mode for which the store is none
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/1d mode=lease;
}
--- must_die
--- error_log eval
main::said('the mode of the limit "pulls" needs a "registry_store" in Redis')
