# Who a request is: what counts as an API key, and which keys are good.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

use IO::Socket::INET ();

our $Target = 'GET /v2/acme/app/manifests/1';
our $Forwarded = "$Target []\n";


# None of these is a key.  A right checksum is what a key has beyond its looks.

my $key = key('puller');
my $other = substr($key, -1) eq 'a' ? 'b' : 'a';

our @Garbage = map { "Authorization: $_" } (
    'Basic',
    'Basic !!!',
    'Basic ' . MIME::Base64::encode_base64('no-colon', ''),
    'Basic ' . MIME::Base64::encode_base64("$key:", ''),
    'Basic ' . MIME::Base64::encode_base64("user:$key\n", ''),
    'Basic ' . MIME::Base64::encode_base64('user:password', ''),
    'Bearer',
    'Bearer eyJhbGciOiJub25lIn0.e30.',
    "Bearer $key $key",
    "Bearer $key,",
    "Bearer x$key",
    'Bearer ' . substr($key, 0, -1),
    'Bearer ' . substr($key, 0, -1) . $other,
    'Bearer ' . lc $key,
    "Digest $key",
    $key,
    'Bearer ' . 'x' x 2000,
    '',
);


# A key in good form that is not the one in the store: the checksum is right,
# the secret is not.

our $WrongSecret = do {
    my $text = 'ngr_' . key_id('puller') . '_' . 'y' x 32;

    $text . check_digits($text);
};


# Keys that are known, but not good for one reason each.

sub store_with {
    my (@keys) = @_;

    return ">>> store.json\n"
           . store(keys => [@Registry::TestGateway::Keys, @keys],
                   tenants => [@Registry::TestGateway::Tenants,
                               { version => 2, name => 'future' }],
                   roles => [{ version => 2, name => 'future' }]);
}

my @puller = (roles => ['image-puller']);

our $BadKeys = store_with(
    key_record('early', @puller, not_before => '2999-01-01T00:00:00Z'),
    key_record('late', @puller, expires_at => '2020-01-01T00:00:00Z'),
    key_record('revoked', @puller, revoked_at => '2020-01-01T00:00:00Z',
               reason => 'leaked'),
    key_record('soon', @puller, revoked_at => '2999-01-01T00:00:00Z'),
    key_record('frozen', @puller, tenant => 'frozen'),
    key_record('homeless', @puller, tenant => 'nobody'),
    { version => 2, id => key_id('newer'), colour => 'blue' },
    key_record('newtenant', @puller, tenant => 'future'),
    key_record('newrole', roles => ['future']),
    key_record('norole', roles => ['no-such-role']),
    key_record('timely', @puller, not_before => '2020-01-01T00:00:00Z',
               expires_at => '2999-01-01T00:00:00Z')
);

sub outcome {
    my ($status, $reason, $message) = @_;

    my $code = $status == 401 ? 'UNAUTHORIZED' : 'DENIED';

    return ($status, $reason, error_body($code, $message));
}

our @BadKeys = (
    [early     => outcome(401, 'not_yet_valid',
                          'the API key is not valid yet')],
    [late      => outcome(401, 'expired', 'the API key has expired')],
    [revoked   => outcome(401, 'revoked', 'the API key has been revoked')],

    # a clock that is slow does not bring a key back
    [soon      => outcome(401, 'revoked', 'the API key has been revoked')],

    [frozen    => outcome(403, 'suspended',
                          'the tenant of the API key is suspended')],
    [homeless  => outcome(403, 'no_tenant',
                          'the tenant of the API key does not exist')],
    [newer     => outcome(403, 'record_version',
                          'access to the requested resource is denied')],
    [newtenant => outcome(403, 'record_version',
                          'access to the requested resource is denied')],
    [newrole   => outcome(403, 'record_version',
                          'access to the requested resource is denied')],

    # a role that nobody defined grants nothing
    [norole    => outcome(403, 'scope',
                          'access to the requested resource is denied')],
);

# A key whose scopes take some memory, in a store with the others.

our $Heavy = ">>> store.json\n" . store(
    keys => [@Registry::TestGateway::Keys,
             key_record('heavy', roles => ['heavy'])],
    tenants => \@Registry::TestGateway::Tenants,
    roles => [{ version => 1, name => 'heavy',
                scopes => ['repository:acme/**:pull',
                           map { "repository:~^heavy$_/(.*)\$:pull" } 1 .. 16]
              }]);


# One key asks with so many different user names, and is let in each time.

sub ask_by_names {
    my ($name, $count) = @_;

    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => server_port()) or die;

    for my $i (1 .. $count) {
        print $socket join "\r\n", "$Target HTTP/1.1", 'Host: a',
                                   basic($name, "user$i"), '', '';

        my $status = <$socket> // 'nothing';
        my $length = 0;

        die "user$i: $status" if $status !~ / 200 /;

        while (defined(my $line = <$socket>)) {
            last if $line eq "\r\n";
            $length = $1 if $line =~ /^Content-Length: (\d+)/;
        }

        read $socket, my ($body), $length;
    }
}


# The memory that nginx has in use, in MiB.

sub memory {
    open my $file, '<', server_root() . '/logs/nginx.pid' or die;
    chomp(my $pid = <$file>);

    open my $status, '<', "/proc/$pid/status" or die;

    return (join '', <$status>) =~ /^VmRSS:\s*(\d+)/m ? $1 / 1024 : die;
}

# Sanitizers and valgrind keep what was freed for a while.

our $Measured = !grep { $ENV{$_} } qw( TEST_NGINX_LD_PRELOAD TEST_NGINX_PRELOAD
                                       TEST_NGINX_USE_VALGRIND );

run_tests();

__DATA__

=== TEST 1: Basic, with any user name
--- request eval
[($::Target) x 4]
--- more_headers eval
[main::basic('puller'), main::basic('puller', ''),
 main::basic('puller', 'someone@example.org'),
 main::basic('puller', 'u' x 300)]
--- error_code eval
[(200) x 4]
--- response_headers eval
[("X-Reason: granted") x 4]
--- response_body eval
[($::Forwarded) x 4]


=== TEST 2: Bearer, and schemes in any case
--- request eval
[($::Target) x 4]
--- more_headers eval
[main::bearer('puller'), main::bearer('puller') =~ s/Bearer/bEARER/r,
 main::bearer('puller') =~ s/Bearer /Bearer   /r,
 main::basic('puller') =~ s/Basic/BASIC/r]
--- error_code eval
[(200) x 4]
--- response_body eval
[($::Forwarded) x 4]


=== TEST 3: no credentials
--- request eval
$::Target
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="registry"
Docker-Distribution-Api-Version: registry/2.0
Content-Type: application/json
Content-Length: 73
X-Reason: no_credentials
!X-Backend
--- response_body eval
main::unauthorized()
--- no_access_log
backend:


=== TEST 4: what is no key is refused, and the store is not asked
--- request eval
[($::Target) x @::Garbage]
--- more_headers eval
\@::Garbage
--- error_code eval
[(401) x @::Garbage]
--- response_headers eval
[(qq{WWW-Authenticate: Basic realm="registry"\nX-Reason: malformed\n})
 x @::Garbage]
--- response_body eval
[(main::unauthorized('the credentials are not an API key')) x @::Garbage]
--- no_access_log
backend:
--- no_error_log
there is no API key


=== TEST 5: an unknown key and a wrong secret look the same to the client
--- request eval
[($::Target) x 2]
--- more_headers eval
[main::bearer('ghost'), "Authorization: Bearer $::WrongSecret"]
--- error_code eval
[401, 401]
--- response_headers eval
["X-Reason: unknown_key", "X-Reason: wrong_secret"]
--- response_body eval
[(main::unauthorized('the API key is not valid')) x 2]
--- no_access_log
backend:


=== TEST 6: the log names the id, never the secret
--- request eval
$::Target
--- more_headers eval
"Authorization: Bearer $::WrongSecret"
--- error_code: 401
--- error_log
puller000000
--- no_error_log
yyyyyyyy


=== TEST 7: keys that are not good, each for its reason
--- user_files eval
$::BadKeys
--- request eval
[($::Target) x @::BadKeys]
--- more_headers eval
[map { main::basic($_->[0]) } @::BadKeys]
--- error_code eval
[map { $_->[1] } @::BadKeys]
--- response_headers eval
[map { "X-Reason: $_->[2]\n"
       . ($_->[1] == 401 ? qq{WWW-Authenticate: Basic realm="registry"}
                         : '!WWW-Authenticate') } @::BadKeys]
--- response_body eval
[map { $_->[3] } @::BadKeys]
--- no_access_log
backend:


=== TEST 8: within its time a key is good
--- user_files eval
$::BadKeys
--- request eval
$::Target
--- more_headers eval
main::basic('timely')
--- response_body eval
$::Forwarded


=== TEST 9: a record of a later version is named in the log
--- user_files eval
$::BadKeys
--- request eval
$::Target
--- more_headers eval
main::basic('newer')
--- error_code: 403
--- error_log
the record of the API key "newer0000000" is of a later version


=== TEST 10: two Authorization headers are one too many
--- request eval
[($::Target) x 2]
--- more_headers eval
[main::basic('puller') . "\n" . main::basic('puller'),
 main::basic('puller') . "\nAuthorization: Basic YTpi"]
--- error_code eval
[400, 400]
--- response_headers eval
[("Content-Type: application/json") x 2]
--- no_access_log
backend:


=== TEST 11: a header that is longer than nginx takes
--- request eval
$::Target
--- more_headers eval
'Authorization: Bearer ' . 'x' x 9000
--- error_code: 400
--- response_headers
Content-Type: application/json
--- no_access_log
backend:


=== TEST 12: credentials elsewhere than in Authorization are none
--- request eval
["$::Target?access_token=" . main::key('puller'),
 ($::Target) x 3]
--- more_headers eval
['', main::basic('puller') =~ s/^/Proxy-/r,
 'X-Original-' . main::basic('puller'),
 'Cookie: Authorization=' . main::key('puller')]
--- error_code eval
[(401) x 4]
--- response_headers eval
[("X-Reason: no_credentials") x 4]
--- no_access_log
backend:


=== TEST 13: one worker remembers a key, and mixes nobody up
--- request eval
[($::Target) x 6]
--- more_headers eval
[map { main::basic($_) } qw( puller rival puller ghost rival puller )]
--- error_code eval
[200, 403, 200, 401, 403, 200]
--- response_headers eval
[map { "X-Reason: $_" } qw( granted scope granted unknown_key scope granted )]


=== TEST 14: one key costs one identity, whatever user names come with it
--- config
keepalive_requests 100000;
location /v2/ {
    registry on;
    add_header X-Reason $registry_reason always;
    access_log off;
    root $TEST_NGINX_HTML_DIR;
    try_files /file.txt =404;
}
--- user_files eval
$::Heavy . ">>> file.txt\ncontents\n"
--- init
main::ask_by_names('puller', 1);
main::ask_by_names('heavy', 100);

my $before = main::memory();

main::ask_by_names('heavy', 20_000);

my $more = main::memory() - $before;

die "$more MiB more" if $::Measured && $more > 8;
--- request eval
[($::Target) x 4]
--- more_headers eval
[map { main::basic($_) } qw( puller rival heavy ghost )]
--- error_code eval
[200, 403, 200, 401]
--- response_headers eval
[map { "X-Reason: $_" } qw( granted scope granted unknown_key )]
