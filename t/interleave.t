# Strict and lax locations, mixed in one process, decide as each would alone: a
# request leaves nothing behind for the next.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $Mixed = <<'END';
    location /v2/ {
        registry on;
        add_header X-Who "[$registry_tenant $registry_key_id]" always;
        proxy_pass http://backend;
    }
    location /v2/public/ {
        registry on;
        registry_anonymous tenant=rival repository:public/**:pull;
        registry_challenge bearer realm=https://auth.example.org/token;
        add_header X-Who "[$registry_tenant $registry_key_id]" always;
        proxy_pass http://backend;
    }
    location /v2/open/ {
        registry on;
        registry_auth off;
        add_header X-Who "[$registry_tenant $registry_key_id]" always;
        proxy_pass http://backend;
    }
    location /v2/trial/ {
        registry on;
        registry_auth dry_run;
        add_header X-Who "[$registry_tenant $registry_key_id]" always;
        proxy_pass http://backend;
    }
    location /v2/own/ {
        registry on;
        registry_backend_auth basic $TEST_NGINX_HTML_DIR/backend.secret;
        registry_anonymous repository:own/**:*;
        add_header X-Who "[$registry_tenant $registry_key_id]" always;
        proxy_pass http://backend;
    }
    location /api/ {
        registry api api:chat:invoke;
        add_header X-Who "[$registry_tenant $registry_key_id]" always;
        proxy_pass http://backend;
    }
    location /plain/ {
        proxy_pass http://backend;
    }
END

my %keys = (nobody => '', puller => basic('puller'), rival => basic('rival'),
            ghost => basic('ghost'), caller => bearer('caller'));

our $Store2 = ">>> backend.secret\na:b\n>>> store.json\n" . store(
    keys => [@Registry::TestGateway::Keys,
             key_record('caller', scopes => ['api:chat:invoke'])],
    tenants => \@Registry::TestGateway::Tenants);

# What each place says to each of them, in a fresh process: [status, who].

my %alone = (
    'PUT /v2/acme/app/manifests/1' => {
        nobody => [401, ' '], puller => [403, 'acme puller000000'],
        rival  => [403, 'rival rival0000000'], ghost => [401, ' '],
        caller => [403, 'acme caller000000'],
    },
    'GET /v2/acme/app/manifests/1' => {
        nobody => [401, ' '], puller => [200, 'acme puller000000'],
        rival  => [403, 'rival rival0000000'], ghost => [401, ' '],
        caller => [403, 'acme caller000000'],
    },
    'GET /v2/public/app/manifests/1' => {
        nobody => [200, 'rival '], puller => [403, 'acme puller000000'],
        rival  => [403, 'rival rival0000000'], ghost => [401, ' '],
        caller => [403, 'acme caller000000'],
    },
    'PUT /v2/public/app/manifests/1' => {
        nobody => [401, 'rival '], puller => [403, 'acme puller000000'],
        rival  => [403, 'rival rival0000000'], ghost => [401, ' '],
        caller => [403, 'acme caller000000'],
    },
    'PUT /v2/open/app/manifests/1' => {
        nobody => [200, ' '], puller => [200, ' '], rival => [200, ' '],
        ghost  => [200, ' '], caller => [200, ' '],
    },
    'PUT /v2/trial/app/manifests/1' => {
        nobody => [200, ' '], puller => [200, 'acme puller000000'],
        rival  => [200, 'rival rival0000000'], ghost => [200, ' '],
        caller => [200, 'acme caller000000'],
    },
    'PUT /v2/own/app/manifests/1' => {
        nobody => [200, ' '], puller => [403, 'acme puller000000'],
        rival  => [403, 'rival rival0000000'], ghost => [401, ' '],
        caller => [403, 'acme caller000000'],
    },
    'POST /api/chat' => {
        nobody => [401, ' '], puller => [403, 'acme puller000000'],
        rival  => [403, 'rival rival0000000'], ghost => [401, ' '],
        caller => [200, 'acme caller000000'],
    },
    'GET /plain/x' => {
        nobody => [200], puller => [200], rival => [200], ghost => [200],
        caller => [200],
    },
);

# Every pair three times, in an order that is mixed and always the same.

my $seed = 20260101;

sub random {
    $seed = ($seed * 1103515245 + 12345) % 2 ** 31;

    return $seed;
}

our @Sequence = map { $_->[1] } sort { $a->[0] <=> $b->[0] }
                map { [random(), $_] }
                map { my $request = $_; map { [$request, $_] } sort keys %keys }
                (sort keys %alone) x 3;

sub headers {
    return [map { $keys{$_->[1]} } @_];
}

sub statuses {
    return [map { $alone{$_->[0]}{$_->[1]}[0] } @_];
}

sub who {
    return [map {
        my $who = $alone{$_->[0]}{$_->[1]}[1];

        defined $who ? "X-Who: [$who]" : '!X-Who'
    } @_];
}

# On one connection all but 400 and the like can be asked.

our @Half = @Sequence[0 .. 59];

run_tests();

__DATA__

=== TEST 1: each on a connection of its own
--- config eval: $::Mixed
--- user_files eval: $::Store2
--- request eval
[map { $_->[0] } @::Sequence]
--- more_headers eval: main::headers(@::Sequence)
--- error_code eval: main::statuses(@::Sequence)
--- response_headers eval: main::who(@::Sequence)


=== TEST 2: one after the other on a single connection
--- config eval: $::Mixed
--- user_files eval: $::Store2
--- pipelined_requests eval
[map { $_->[0] } @::Half]
--- more_headers eval: main::headers(@::Half)
--- error_code eval: main::statuses(@::Half)
--- response_headers eval: main::who(@::Half)
