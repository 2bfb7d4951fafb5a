# The store file: changes are noticed without a reload of nginx, and a broken
# file costs nobody his access.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

use IO::Socket::INET ();
use Time::HiRes ();

our $Target = 'GET /v2/acme/app/manifests/1';

# the promise is a second
use constant NOTICED => 1.1;

# The file can be read and replaced as ngx-registry does it: by rename.

our $Editable = $Config . <<'END';
    location = /store.json {
        dav_methods PUT DELETE;
        client_max_body_size 0;
        client_body_buffer_size 16m;
        root $TEST_NGINX_HTML_DIR;
    }
END

sub with {
    my (@keys) = @_;

    return store(keys => [@keys], tenants => \@Registry::TestGateway::Tenants,
                 roles => \@Registry::TestGateway::Roles);
}

my @puller = ('puller', roles => ['image-puller']);

our $Puller = with(key_record(@puller));
our $Nobody = with();
our $Revoked = with(key_record(@puller, revoked_at => '2026-01-01T00:00:00Z'));


# All that may happen to a key that is in use: [name, before, after, reason].
# A name stands for the key and for its tenant.

my @role = (roles => ['reader']);

our @Changes = (
    [gone    => {}, undef, 'unknown_key'],
    [revoked => {}, { revoked_at => '2026-01-01T00:00:00Z' }, 'revoked'],
    [expired => {}, { expires_at => '2026-01-01T00:00:00Z' }, 'expired'],
    [away    => {}, { allow_from => ['192.0.2.0/24'] }, 'address'],
    [less    => {}, { roles => ['image-pusher'], tenant => 'gone' }, 'scope'],
    [moved   => {}, { tenant => 'nowhere' }, 'no_tenant'],
    [frozen  => {}, {}, 'suspended'],
    [other   => { roles => ['own'] }, { roles => ['own'] }, 'scope'],
    [same    => {}, {}, 'granted'],
);

sub changes {
    my ($when) = @_;

    return store(
        keys => [map {
            $_->[$when] ? key_record($_->[0], tenant => $_->[0], @role,
                                     %{$_->[$when]}) : ()
        } @Changes],
        tenants => [map {
            tenant($_->[0], $when == 2 && $_->[0] eq 'frozen'
                            ? (suspended => JSON::PP::true()) : ())
        } @Changes],
        roles => [{ version => 1, name => 'reader',
                    scopes => ['repository:acme/**:pull'] },
                  { version => 1, name => 'own',
                    scopes => [$when == 1 ? 'repository:acme/**:pull'
                                          : 'repository:none/**:pull'] }]);
}


# Asks for what is asked below, so that a worker remembers who it was.

sub ask {
    my ($who) = @_;

    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => server_port()) or die;

    print $socket join "\r\n", "$Target HTTP/1.0", basic($who), '', '';

    my $line = <$socket>;

    die "$who: $line" if $line !~ / 200 /;
}

our $Futures = join '', map { sprintf qq("%012d": {"version":9},\n), $_ }
                            1 .. 20000;

our $Many = with(key_record(@puller), map { key_record("k$_") } 1001 .. 3000);
our $ManyLess = with(map { key_record("k$_") } 1001 .. 3000);


# Roles of a later version, in as few bytes as they can take, and such a key.

sub futures {
    my ($text, $count) = @_;

    my $roles = join ',', map { qq("r$_":{"version":2}) } 1 .. $count;

    return $text =~ s/"keys": \{\K/"future000000":{"version":2},/r
                 =~ s/"roles": \{\K/$roles,/r;
}

our $Pusher = with(key_record('pusher', roles => ['image-pusher']));

# For an init section: another content, by rename or in place, and the time
# to notice it.

sub replace {
    my ($text) = @_;

    my $file = "$ENV{TEST_NGINX_HTML_DIR}/store.json";

    overwrite("$file.new", $text);
    rename "$file.new", $file or die;
    Time::HiRes::sleep(NOTICED());
}

sub overwrite {
    my ($file, $text) = @_;

    open my $out, '>', $file or die;
    print $out $text;
    close $out;
}

sub file {
    return ">>> store.json\n$_[0]";
}


# Stores that are no stores: [what is wrong, the text, what the log says].

my $record = $Puller =~ /("puller000000": .*)/ ? $1 : die;

our @Broken = (
    ['{"version": 1,', 'line 1: '],
    ['{"keys": {}, "version": 1}', 'line 1: the first member of a store is'],
    ['{"version": 2}', 'line 1: store version 2 is newer than'],
    ['[]', 'line 1: '],
    ['', 'line 1: '],
    ["{\"version\": 1,\n\"keyz\": {}}", 'line 2: unknown section "keyz"'],
    ["{\"version\": 1,\n\"keys\": {},\n\"keys\": {}}",
     'line 3: section "keys" is there twice'],
    ["{\"version\": 1,\n\"keys\": {\n$record,\n$record}}",
     'line 4: the key "puller000000" is there twice'],
    [$Puller =~ s/"id":/"idd":/r, 'line 3: unknown member "idd"'],
    [$Puller =~ s/"id":"puller/"id":"fuller/r, 'line 3: id: '],
    [$Puller =~ s/sha256:\w\w/sha256:/r, 'line 3: hash: '],
    [$Puller =~ s/"image-puller"/5/r, 'line 3: roles'],
    [with(key_record(@puller, scopes => ['repository:x'])), 'line 3: scopes'],
    [with(key_record(@puller, expires_at => 'tomorrow')),
     'line 3: expires_at: '],
    [with(key_record(@puller, allow_from => ['10.0.0.1/8'])),
     'line 3: allow_from'],
    [with(key_record(@puller, tenant => 'No Name')), 'line 3: tenant: '],
    [$Puller =~ s/\}\}\n\z/}/r, 'the file ends'],
    ["$Puller}", '}'],
);

run_tests();

__DATA__

=== TEST 1: a key that is added, a key that is taken away
--- config eval: $::Editable
--- user_files eval: main::file($::Nobody)
--- request eval
[$::Target, "PUT /store.json\n$::Puller", $::Target,
 "PUT /store.json\n$::Nobody", $::Target]
--- more_headers eval: main::basic('puller')
--- wait: 1.1
--- timeout: 5
--- error_code eval
[401, 204, 200, 204, 401]


=== TEST 2: whatever else may change, while the key is in use
--- user_files eval: main::file(main::changes(1))
--- init
main::ask($_->[0]) for @::Changes;
main::replace(main::changes(2));
--- request eval
[($::Target) x @::Changes]
--- more_headers eval
[map { main::basic($_->[0]) } @::Changes]
--- error_code_like eval
[map { $_->[3] eq 'granted' ? '^200$' : '^40[13]$' } @::Changes]
--- response_headers eval
[map { "X-Reason: $_->[3]" } @::Changes]


=== TEST 3: and back again
--- user_files eval: main::file(main::changes(2))
--- init
main::replace(main::changes(1));
--- request eval
[($::Target) x @::Changes]
--- more_headers eval
[map { main::basic($_->[0]) } @::Changes]
--- error_code eval
[(200) x @::Changes]


=== TEST 4: what changed is said in the log, and no nonsense about the rest
--- user_files eval: main::file($::Puller)
--- init
main::replace($::Revoked);
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- error_code: 401
--- error_log eval
qr/\[notice\] .*registry store ".*\/store\.json": 5 records, 1 new or changed/


=== TEST 5: a broken file keeps the last good records, and is complained of once
--- user_files eval: main::file($::Puller)
--- init
main::replace($::Puller =~ s/"id":/"idd":/r);
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- error_code: 200
--- grep_error_log eval
qr/\[error\].*(line 3: unknown member "idd"); the last good records are kept/
--- grep_error_log_out eval
qr/\A[^\n]*line 3: unknown member "idd"[^\n]*\n\z/


=== TEST 6: and is taken when it is mended
--- config eval: $::Editable
--- user_files eval: main::file($::Nobody)
--- request eval
["PUT /store.json\n{", $::Target, "PUT /store.json\n$::Puller", $::Target]
--- more_headers eval: main::basic('puller')
--- wait: 1.1
--- timeout: 5
--- error_code eval
[204, 401, 204, 200]


=== TEST 7: a file that is deleted keeps them, too
--- config eval: $::Editable
--- user_files eval: main::file($::Puller)
--- request eval
[$::Target, "DELETE /store.json", $::Target, "PUT /store.json\n$::Nobody",
 $::Target]
--- more_headers eval: main::basic('puller')
--- wait: 1.1
--- timeout: 5
--- error_code eval
[200, 204, 200, 201, 401]


=== TEST 8: which the log tells
--- user_files eval: main::file($::Puller)
--- init
unlink "$ENV{TEST_NGINX_HTML_DIR}/store.json" or die;
Time::HiRes::sleep(main::NOTICED());
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- error_code: 200
--- error_log eval
qr{cannot open "\S+/store\.json".*; the last good records are kept}


=== TEST 9: a file that is written in place, slowly
--- user_files eval: main::file($::Nobody)
--- init
my $file = "$ENV{TEST_NGINX_HTML_DIR}/store.json";
main::overwrite($file, substr $::Puller, 0, 100);
Time::HiRes::sleep(0.7);
main::overwrite($file, $::Puller);
Time::HiRes::sleep(main::NOTICED());
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- error_code: 200


=== TEST 10: a directory in its place
--- user_files eval: main::file($::Puller)
--- init
my $file = "$ENV{TEST_NGINX_HTML_DIR}/store.json";
unlink $file;
mkdir $file;
Time::HiRes::sleep(main::NOTICED());
rmdir $file;
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- error_code: 200
--- error_log
is no file


=== TEST 11: many keys, the last among them
--- config eval: $::Editable
--- user_files eval: main::file($::Many)
--- request eval
[$::Target, $::Target, "PUT /store.json\n$::ManyLess", $::Target, $::Target]
--- more_headers eval
[main::basic('puller'), main::basic('k3000'), '', main::basic('puller'),
 main::basic('k3000')]
--- wait: 1.1
--- timeout: 5
--- error_code eval
[200, 403, 204, 401, 403]


=== TEST 12: no file, no start
--- http_config
registry_store file:$TEST_NGINX_HTML_DIR/none.json;
--- config
location /v2/ {
    registry on;
}
--- must_die
--- error_log eval
qr{\[emerg\] .*cannot open "\S+/none\.json"; "ngx-registry .*No such file}


=== TEST 13: nor with a broken one
--- config
--- http_config
registry_store file:$TEST_NGINX_HTML_DIR/store.json;
--- user_files eval
">>> store.json\n" . $::Puller =~ s/"id":/"idd":/r
--- must_die
--- error_log eval
qr/\[emerg\] .*registry store ".*\/store\.json" line 3: unknown member "idd"/


=== TEST 14: what is wrong is named by line and member
--- user_files eval: main::file($::Puller)
--- init
main::replace($_->[0]) for @::Broken;
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- timeout: 5
--- error_code: 200
--- error_log eval
[map { $_->[1] } @::Broken]


=== TEST 15: records of a later version are denied, and the rest is served
--- user_files eval
my $future = '"future000000": {"version":9,"x":[{}]},';
main::file($::Puller =~ s/"keys": \{\K/$future/r)
--- request eval: $::Target
--- more_headers eval: main::basic('puller')
--- error_code: 200
--- error_log
the key "future000000" is of a later version than this module knows


=== TEST 16: a great many records that are hardly there
--- user_files eval
main::file($::Puller =~ s/"keys": \{\K/$::Futures/r)
--- log_level: error
--- request eval
[$::Target, $::Target]
--- more_headers eval
[main::basic('puller'), main::basic('pusher')]
--- error_code eval
[200, 401]


=== TEST 17: 3500 records of which nothing but the version is known
--- user_files eval: main::file(main::futures($::Puller, 3500))
--- log_level: error
--- init
main::ask('puller');
main::replace(main::futures($::Pusher, 3500));
--- request eval
[$::Target, $::Target, "GET /v2/acme/app/manifests/2"]
--- more_headers eval
[main::basic('puller'), main::basic('pusher'), main::basic('future')]
--- error_code eval
[401, 200, 403]
--- response_headers eval
["X-Reason: unknown_key", "X-Reason: granted", "X-Reason: record_version"]


=== TEST 18: 4200 records of which nothing but the version is known
--- user_files eval: main::file(main::futures($::Puller, 4200))
--- log_level: error
--- init
main::ask('puller');
main::replace(main::futures($::Pusher, 4200));
--- request eval
[$::Target, $::Target, "GET /v2/acme/app/manifests/2"]
--- more_headers eval
[main::basic('puller'), main::basic('pusher'), main::basic('future')]
--- error_code eval
[401, 200, 403]
--- response_headers eval
["X-Reason: unknown_key", "X-Reason: granted", "X-Reason: record_version"]


=== TEST 19: 8000 records of which nothing but the version is known
--- user_files eval: main::file(main::futures($::Puller, 8000))
--- log_level: error
--- init
main::ask('puller');
main::replace(main::futures($::Pusher, 8000));
--- request eval
[$::Target, $::Target, "GET /v2/acme/app/manifests/2"]
--- more_headers eval
[main::basic('puller'), main::basic('pusher'), main::basic('future')]
--- error_code eval
[401, 200, 403]
--- response_headers eval
["X-Reason: unknown_key", "X-Reason: granted", "X-Reason: record_version"]
