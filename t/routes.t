# Every method on every kind of resource, for everybody: what is not granted by
# this table is refused, and nothing but the granted reaches the backend.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $Manifest = "acme/app/manifests/$Digest";
our $Blob = "acme/app/blobs/$Digest";
our $Monolithic = "acme/app/blobs/uploads/?digest=$Digest";
our $Session = 'acme/app/blobs/uploads/5b29-f0c1?_state=aGk%3D';
our $Referrers = "acme/app/referrers/$Digest";

my @methods = qw( GET HEAD POST PUT PATCH DELETE OPTIONS BREW );

my @people = qw( nobody nothing puller pusher cleaner admin rival );

# Who may do it; a method that is not named is none of the API.

my %may = (
    '' => {
        GET  => [qw( nothing puller pusher cleaner admin rival )],
        HEAD => [qw( nothing puller pusher cleaner admin rival )],
    },
    '_catalog' => {
        GET => [qw( admin )],
    },
    'acme/app/tags/list' => {
        GET => [qw( puller pusher admin )],
    },
    'acme/app/manifests/v1' => {
        GET    => [qw( puller pusher admin )],
        HEAD   => [qw( puller pusher admin )],
        PUT    => [qw( pusher admin )],
        DELETE => [qw( cleaner admin )],
    },
    $Manifest => {
        GET    => [qw( puller pusher admin )],
        HEAD   => [qw( puller pusher admin )],
        PUT    => [qw( pusher admin )],
        DELETE => [qw( cleaner admin )],
    },
    $Blob => {
        GET    => [qw( puller pusher admin )],
        HEAD   => [qw( puller pusher admin )],
        DELETE => [qw( cleaner admin )],
    },
    'acme/app/blobs/uploads/' => {
        POST => [qw( pusher admin )],
    },
    $Monolithic => {
        POST => [qw( pusher admin )],
    },
    $Session => {
        GET    => [qw( pusher admin )],
        PUT    => [qw( pusher admin )],
        PATCH  => [qw( pusher admin )],
        DELETE => [qw( pusher admin )],
    },
    $Referrers => {
        GET => [qw( puller pusher admin )],
    },
);

# what is no endpoint, whoever asks

my @nowhere = (
    'acme/app', 'acme', 'acme/app/tags', 'acme/app/tags/other',
    'acme/app/manifests', 'acme/app/blobs', 'acme/app/uploads/x',
    'acme/app/referrers', '_catalog/x', '_other',
    "blobs/$Digest", 'manifests/v1', 'tags/list', 'token',
);


# One case: {request, headers, status, reason, allow}.

sub cases {
    my ($path) = @_;

    my $methods = $may{$path};
    my $allow = join ', ', grep { $methods->{$_} }
                               qw( GET HEAD POST PUT PATCH DELETE );
    my @cases;

    for my $method (@methods) {
        for my $who (@people) {
            my ($status, $reason) = !$methods->{$method} ? (405, 'method')
                : (grep { $_ eq $who } @{$methods->{$method}})
                    ? (200, 'granted')
                : $who eq 'nobody' ? (401, 'no_credentials')
                : (403, 'scope');

            push @cases, {
                request => "$method /v2/$path",
                headers => $who eq 'nobody' ? '' : basic($who),
                status  => $status,
                reason  => $reason,
                allow   => $allow,
                head    => $method eq 'HEAD',
            };
        }
    }

    return @cases;
}

sub nowhere {
    return map {
        my $path = $_;

        map {
            my $method = $_;

            map { {
                request => "$method /v2/$path",
                headers => $_ eq 'nobody' ? '' : basic($_),
                status  => 404,
                reason  => 'no_route',
                head    => $method eq 'HEAD',
            } } qw( nobody admin )
        } qw( GET PUT BREW )
    } @nowhere;
}

sub body {
    my ($case) = @_;

    return '' if $case->{head};

    return "$case->{request} []\n" if $case->{status} == 200;
    return unauthorized() if $case->{status} == 401;
    return denied() if $case->{status} == 403;
    return error_body('NAME_UNKNOWN', 'there is no such endpoint')
        if $case->{status} == 404;

    return error_body('UNSUPPORTED', 'the endpoint does not take this method');
}

my %cases = (nowhere => [nowhere()], map { $_ => [cases($_)] } keys %may);


# The sections of a block, from the name of its cases.

sub requests {
    return [map { $_->{request} } @{$cases{$_[0]}}];
}

sub headers {
    return [map { $_->{headers} } @{$cases{$_[0]}}];
}

sub statuses {
    return [map { $_->{status} } @{$cases{$_[0]}}];
}

sub response_headers {
    return [map {
        "X-Reason: $_->{reason}\n"
        . ($_->{status} == 405 ? "Allow: $_->{allow}\n" : "!Allow\n")
        . ($_->{status} == 401 ? 'WWW-Authenticate: Basic realm="registry"'
                               : '!WWW-Authenticate') . "\n"
        . ($_->{status} == 200 ? "X-Backend: reached\n"
           : "!X-Backend\nContent-Type: application/json\n"
             . "Docker-Distribution-Api-Version: registry/2.0\n")
    } @{$cases{$_[0]}}];
}

sub bodies {
    return [map { body($_) } @{$cases{$_[0]}}];
}

run_tests();

__DATA__

=== TEST 1: ping
--- request eval: main::requests('')
--- more_headers eval: main::headers('')
--- error_code eval: main::statuses('')
--- response_headers eval: main::response_headers('')
--- response_body eval: main::bodies('')


=== TEST 2: the catalog
--- request eval: main::requests('_catalog')
--- more_headers eval: main::headers('_catalog')
--- error_code eval: main::statuses('_catalog')
--- response_headers eval: main::response_headers('_catalog')
--- response_body eval: main::bodies('_catalog')


=== TEST 3: tags
--- request eval: main::requests('acme/app/tags/list')
--- more_headers eval: main::headers('acme/app/tags/list')
--- error_code eval: main::statuses('acme/app/tags/list')
--- response_headers eval: main::response_headers('acme/app/tags/list')
--- response_body eval: main::bodies('acme/app/tags/list')


=== TEST 4: a manifest by tag
--- request eval: main::requests('acme/app/manifests/v1')
--- more_headers eval: main::headers('acme/app/manifests/v1')
--- error_code eval: main::statuses('acme/app/manifests/v1')
--- response_headers eval: main::response_headers('acme/app/manifests/v1')
--- response_body eval: main::bodies('acme/app/manifests/v1')


=== TEST 5: a manifest by digest
--- request eval: main::requests($::Manifest)
--- more_headers eval: main::headers($::Manifest)
--- error_code eval: main::statuses($::Manifest)
--- response_headers eval: main::response_headers($::Manifest)
--- response_body eval: main::bodies($::Manifest)


=== TEST 6: a blob
--- request eval: main::requests($::Blob)
--- more_headers eval: main::headers($::Blob)
--- error_code eval: main::statuses($::Blob)
--- response_headers eval: main::response_headers($::Blob)
--- response_body eval: main::bodies($::Blob)


=== TEST 7: the start of an upload
--- request eval: main::requests('acme/app/blobs/uploads/')
--- more_headers eval: main::headers('acme/app/blobs/uploads/')
--- error_code eval: main::statuses('acme/app/blobs/uploads/')
--- response_headers eval: main::response_headers('acme/app/blobs/uploads/')
--- response_body eval: main::bodies('acme/app/blobs/uploads/')


=== TEST 8: an upload in one request
--- request eval: main::requests($::Monolithic)
--- more_headers eval: main::headers($::Monolithic)
--- error_code eval: main::statuses($::Monolithic)
--- response_headers eval: main::response_headers($::Monolithic)
--- response_body eval: main::bodies($::Monolithic)


=== TEST 9: an upload session
--- request eval: main::requests($::Session)
--- more_headers eval: main::headers($::Session)
--- error_code eval: main::statuses($::Session)
--- response_headers eval: main::response_headers($::Session)
--- response_body eval: main::bodies($::Session)


=== TEST 10: referrers
--- request eval: main::requests($::Referrers)
--- more_headers eval: main::headers($::Referrers)
--- error_code eval: main::statuses($::Referrers)
--- response_headers eval: main::response_headers($::Referrers)
--- response_body eval: main::bodies($::Referrers)


=== TEST 11: what is no endpoint
--- request eval: main::requests('nowhere')
--- more_headers eval: main::headers('nowhere')
--- error_code eval: main::statuses('nowhere')
--- response_headers eval: main::response_headers('nowhere')
--- response_body eval: main::bodies('nowhere')
--- no_access_log
backend:
