# A master and several workers: each follows the files by itself, and a reload
# of nginx changes nobody's rights.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

use Time::HiRes ();

our $Target = 'GET /v2/acme/app/manifests/1';

my @puller = ('puller', roles => ['image-puller']);

sub with {
    return store(keys => [@_], tenants => \@Registry::TestGateway::Tenants);
}

our $Puller = with(key_record(@puller));
our $Nobody = with();

our $Editable = $Config . <<'END';
    location = /store.json {
        dav_methods PUT DELETE;
        root $TEST_NGINX_HTML_DIR;
    }
END

# For init sections.

sub put {
    my ($text) = @_;

    my $file = "$ENV{TEST_NGINX_HTML_DIR}/store.json";

    open my $out, '>', "$file.new" or die;
    print $out $text;
    close $out;
    rename "$file.new", $file or die;
}

sub tell_master {
    my ($signal) = @_;

    open my $in, '<', "$ENV{TEST_NGINX_SERVER_ROOT}/logs/nginx.pid" or die;
    chomp(my $pid = <$in>);

    kill $signal, $pid or die;
    Time::HiRes::sleep(0.7);
}

sub wait_for_workers {
    Time::HiRes::sleep(1.1);
}

sub wait_for_error {
    my ($error) = @_;

    for (1 .. 300) {
        open my $in, '<', "$ENV{TEST_NGINX_SERVER_ROOT}/logs/error.log" or die;

        return if grep { /$error/ } <$in>;

        Time::HiRes::sleep(0.1);
    }
}

master_on();
workers(2);

run_tests();

__DATA__

=== TEST 1: every worker hears of a revocation
--- user_files eval
">>> store.json\n$::Puller"
--- init
main::put($::Nobody);
main::wait_for_workers();
--- request eval
[($::Target) x 20]
--- more_headers eval: main::basic('puller')
--- error_code eval
[(401) x 20]


=== TEST 2: and of a key that is new
--- user_files eval
">>> store.json\n$::Nobody"
--- init
main::put($::Puller);
main::wait_for_workers();
--- request eval
[($::Target) x 20]
--- more_headers eval: main::basic('puller')
--- error_code eval
[(200) x 20]


=== TEST 3: a reload of nginx
--- user_files eval
">>> store.json\n$::Puller"
--- init
main::tell_master('HUP');
--- request eval
[($::Target) x 10, ($::Target) x 10]
--- more_headers eval
[(main::basic('puller')) x 10, ('') x 10]
--- error_code eval
[(200) x 10, (401) x 10]


=== TEST 4: takes the store as it is then, and goes on following it
--- user_files eval
">>> store.json\n$::Puller"
--- init
main::put($::Nobody);
main::tell_master('HUP');
main::put($::Puller);
main::wait_for_workers();
--- request eval
[($::Target) x 10]
--- more_headers eval: main::basic('puller')
--- error_code eval
[(200) x 10]


=== TEST 5: with a broken store it is refused, and all goes on as before
--- user_files eval
">>> store.json\n$::Puller"
--- init
main::put('{');
main::tell_master('HUP');
main::wait_for_error('\[emerg\] .*registry store .* line 1: ');
main::put($::Puller);
main::wait_for_workers();
--- request eval
[($::Target)]
--- more_headers eval
[main::basic('puller')]
--- error_code: 200
--- error_log eval
qr/\[emerg\] .*registry store ".*\/store\.json" line 1: /


=== TEST 6: many reloads, a key that comes and goes
--- user_files eval
">>> store.json\n$::Nobody"
--- init
for (1 .. 3) {
    main::put($::Puller);
    main::tell_master('HUP');
    main::put($::Nobody);
    main::tell_master('HUP');
}
main::put($::Puller);
main::wait_for_workers();
--- request eval
[($::Target) x 10]
--- more_headers eval: main::basic('puller')
--- error_code eval
[(200) x 10]


=== TEST 7: a worker that is killed is replaced by one that knows as much
--- user_files eval
">>> store.json\n$::Nobody"
--- init
main::put($::Puller);
main::wait_for_workers();
open my $in, '<', "$ENV{TEST_NGINX_SERVER_ROOT}/logs/nginx.pid" or die;
chomp(my $master = <$in>);
for my $status (glob '/proc/[0-9]*/stat') {
    open my $stat, '<', $status or next;
    my ($pid, $parent) = <$stat> =~ /^(\d+) \(nginx\) \S (\d+)/ or next;
    kill 'KILL', $pid if $parent == $master;
}
Time::HiRes::sleep(1.5);
--- request eval
[($::Target) x 10]
--- more_headers eval: main::basic('puller')
--- error_code eval
[(200) x 10]
--- no_error_log eval
qr/\[alert\] .* exited on signal (?!9)/
