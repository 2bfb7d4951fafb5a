# Keys hashed with a pepper, which lives in a file of its own.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

use IO::Socket::INET ();
use Time::HiRes ();

our $Target = 'GET /v2/acme/app/manifests/1';

my $pepper = 'a pepper of some length';

our $Peppered = "registry_pepper_file \$TEST_NGINX_HTML_DIR/pepper;\n"
                . $HttpConfig;

# "plain" was made before there was a pepper, "stale" with another one

our $Files = ">>> pepper\n$pepper\n>>> store.json\n" . store(
    keys => [
        map { key_record($_->[0], roles => ['image-puller'],
                         $_->[1] ? (hash => peppered_hash(@$_)) : ()) }
            [hot => $pepper], [plain => undef],
            [stale => 'another one of those']
    ],
    tenants => [tenant('acme')]
);

our @Who = qw( hot plain stale );

# For an init section.

sub put {
    my ($text) = @_;

    my $file = "$ENV{TEST_NGINX_HTML_DIR}/pepper";

    open my $out, '>', "$file.new" or die;
    print $out $text;
    close $out;
    rename "$file.new", $file or die;
    Time::HiRes::sleep(1.1);
}

# so that the worker remembers who it was

sub ask {
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => server_port()) or die;

    print $socket join "\r\n", "$Target HTTP/1.0", basic('hot'), '', '';

    my $line = <$socket>;

    die $line if $line !~ / 200 /;
}

run_tests();

__DATA__

=== TEST 1: keys with the pepper, without one, and with another
--- http_config eval: $::Peppered
--- user_files eval: $::Files
--- request eval
[($::Target) x @::Who]
--- more_headers eval
[map { main::basic($_) } @::Who]
--- error_code eval
[200, 200, 401]
--- response_headers eval
["X-Reason: granted", "X-Reason: granted", "X-Reason: wrong_secret"]


=== TEST 2: without the pepper its keys are good for nothing
--- user_files eval: $::Files
--- request eval
[($::Target) x @::Who]
--- more_headers eval
[map { main::basic($_) } @::Who]
--- error_code eval
[401, 200, 401]


=== TEST 3: the order of the directives does not matter
--- http_config eval
$::HttpConfig . "registry_pepper_file \$TEST_NGINX_HTML_DIR/pepper;\n"
--- user_files eval: $::Files
--- request eval: $::Target
--- more_headers eval: main::basic('hot')
--- error_code: 200


=== TEST 4: another pepper takes effect at once, and old keys are forgotten
--- http_config eval: $::Peppered
--- user_files eval: $::Files
--- init
main::ask();
main::put("another one of those\n");
--- request eval
[($::Target) x @::Who]
--- more_headers eval
[map { main::basic($_) } @::Who]
--- error_code eval
[401, 200, 200]


=== TEST 5: one that is too short is refused, and the old one kept
--- http_config eval: $::Peppered
--- user_files eval: $::Files
--- init
main::put("short\n");
--- request eval: $::Target
--- more_headers eval: main::basic('hot')
--- error_code: 200
--- error_log eval
qr/\[error\] .*pepper" cannot be used: a pepper must be 16 bytes or longer/
--- no_error_log
short


=== TEST 6: at the start it stops nginx
--- http_config eval: $::Peppered
--- user_files
>>> pepper
short
--- must_die
--- error_log eval
qr/\[emerg\] .*pepper" cannot be used: a pepper must be 16 bytes or longer/


=== TEST 7: and so does a file that is not there
--- http_config eval: $::Peppered
--- must_die
--- error_log eval
qr/\[emerg\] .*cannot open ".*\/pepper".*No such file/


=== TEST 8: a pepper of the longest kind, and one byte more
--- http_config eval: $::Peppered
--- user_files eval
">>> pepper\n" . 'p' x 1025
--- must_die
--- error_log eval
qr/\[emerg\] .*pepper" cannot be used: it is longer than 1024 bytes/
