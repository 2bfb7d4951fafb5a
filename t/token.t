# Tokens of our own: what the token endpoint grants, and whom they let in.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use MIME::Base64 qw( decode_base64url );
use Registry::TestGateway;
use Registry::TestTokens;

our $Files = ">>> one.pem\n" . pem('one') . ">>> two.pem\n" . pem('two')
             . ">>> both.pem\n" . pem('two') . pem('one')
             . ">>> public.pem\n" . public_pem('one');

our $Http = $HttpConfig . <<'END';
    registry_token_issuer registry.example.org;
END

our $Tokens = <<'END';
    registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
    registry_token_key $TEST_NGINX_HTML_DIR/two.pem;
    registry_anonymous repository:public/**:pull;

    location = /token {
        registry_token;
    }

    location = /jwks {
        registry_jwks;
    }

    location /v2/ {
        registry on;
        add_header X-Reason $registry_reason always;
        add_header X-Who "$registry_key_id/$registry_subject/$registry_tenant"
                         always;
        proxy_pass http://backend;
    }
END

# The access of the token in an answer, as one line.

our $claims = sub {
    my ($body) = @_;

    my $answer = JSON::PP::decode_json($body);
    my (undef, $payload) = split /\./, $answer->{access_token};
    my $claims = JSON::PP::decode_json(decode_base64url($payload));

    return join ' ', "sub=$claims->{sub}", map {
        "$_->{type}:$_->{name}:" . join ',', @{$_->{actions}}
    } @{$claims->{access}};
};

# The access of the token that the backend was sent.

our $sent = sub {
    my ($body) = @_;

    my ($token) = $body =~ /\[Bearer ([^\]]+)\]/ or return $body;
    my ($header, $payload) = map { JSON::PP::decode_json(decode_base64url($_)) }
        (split /\./, $token)[0, 1];

    return join ' ', "$header->{typ} $payload->{aud} sub=$payload->{sub}", map {
        "$_->{type}:$_->{name}:" . join ',', @{$_->{actions}}
    } @{$payload->{access}};
};

# Was the backend sent this token before?

our %seen;
our $again = sub {
    my ($token) = $_[0] =~ /\[Bearer ([^\]]+)\]/ or return $_[0];

    return $seen{$token}++ ? 'again' : 'new';
};

sub form {
    my (%form) = @_;

    return join '&', map {
        my $name = $_;
        map { "$name=" . s/([^a-zA-Z0-9_.-])/sprintf '%%%02X', ord $1/ger }
            ref $form{$name} ? @{$form{$name}} : $form{$name};
    } sort keys %form;
}

sub post {
    return "POST /token\n" . form(@_);
}

sub token {
    my ($key, @access) = @_;

    return 'Authorization: Bearer ' . jwt('one', claims($key, \@access));
}

our $FormType = 'Content-Type: application/x-www-form-urlencoded';

add_block_preprocessor(sub {
    my ($block) = @_;

    # this runs before that of Registry::TestGateway

    $block->set_value('http_config', $Http) if !defined $block->http_config;
    $block->set_value('config', $Tokens) if !defined $block->config;
    $block->set_value('user_files', $Files . ($block->user_files // ''));
});

run_tests();

__DATA__

=== TEST 1: a token for what the key may do, and nothing else
--- request eval
["GET /token?service=registry.example.org&scope=repository:acme/app:pull,push",
 "GET /token?scope=repository:acme/app:pull,push&scope=repository:rival/x:pull",
 "GET /token?scope=repository:acme/a:pull%20repository:acme/b:push,delete",
 "GET /token?scope=registry:catalog:*&scope=repository:rival/app:pull",
 "GET /token?account=someone&client_id=docker&offline_token=false",
 "GET /token"]
--- more_headers eval
[map { main::basic($_) } qw( puller pusher pusher pusher puller puller )]
--- response_body_filters eval
$main::claims
--- response_body eval
["sub=puller000000 repository:acme/app:pull",
 "sub=pusher000000 repository:acme/app:pull,push",
 "sub=pusher000000 repository:acme/a:pull repository:acme/b:push",
 "sub=pusher000000", "sub=puller000000", "sub=puller000000"]
--- response_headers eval
[("Cache-Control: no-store\nContent-Type: application/json") x 6]


=== TEST 2: what an answer looks like
--- request eval
["GET /token?scope=repository:acme/app:pull",
 main::post(grant_type => 'password', username => 'x', scope =>
            'repository:acme/app:pull repository:acme/b:push',
            password => main::key('pusher'), service => 'x')]
--- more_headers eval
[main::basic('puller'), $main::FormType]
--- response_body_like eval
[qr/\A\{"token":"(eyJ[^"]+)","access_token":"\1","expires_in":300,"issued_at":"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ"\}\n\z/,
 qr/\A\{"access_token":"eyJ[^"]+","scope":"repository:acme\/app:pull repository:acme\/b:push","expires_in":300,"issued_at":"[^"]+"\}\n\z/]


=== TEST 3: refresh tokens are for those who ask
--- request eval
["GET /token?offline_token=true",
 main::post(grant_type => 'password', access_type => 'offline',
            password => main::key('pusher')),
 main::post(grant_type => 'refresh_token', refresh_token =>
            main::jwt('one', main::claims('pusher', undef, access => undef),
                      typ => 'refresh+jwt'),
            scope => 'repository:acme/app:pull,push'),
 main::post(grant_type => 'refresh_token', refresh_token =>
            main::jwt('one', main::claims('pusher')))]
--- more_headers eval
[main::basic('puller'), ($main::FormType) x 3]
--- error_code eval
[200, 200, 200, 401]
--- response_body_like eval
[qr/"refresh_token":"eyJ/, qr/"refresh_token":"eyJ/,
 qr/"scope":"repository:acme\/app:pull,push"/, qr/the token is not valid/]


=== TEST 4: a refresh token opens nothing else
--- request eval
["GET /v2/", "GET /token"]
--- more_headers eval
[('Authorization: Bearer '
  . main::jwt('one', main::claims('pusher', undef, access => undef),
              typ => 'refresh+jwt')) x 2]
--- error_code eval
[401, 401]
--- no_access_log
backend:


=== TEST 5: anonymous tokens
--- request
GET /token?scope=repository:public/a:pull,push&scope=repository:acme/a:pull
--- response_body_filters eval
$main::claims
--- response_body: sub= repository:public/a:pull


=== TEST 6: who may have no token
--- request eval
[("GET /token") x 5, main::post(grant_type => 'password', password => 'x'),
 "GET /token"]
--- more_headers eval
[main::basic('ghost'), 'Authorization: Basic YTpi', main::basic('gone'),
 main::basic('frozen'), main::basic('far'), $main::FormType,
 main::token('puller', 'repository:acme/app:pull')]
--- user_files eval
">>> store.json\n" . main::store(tenants => \@Registry::TestGateway::Tenants,
    keys => [main::key_record('gone', revoked_at => '2026-01-01T00:00:00Z'),
             main::key_record('frozen', tenant => 'frozen'),
             main::key_record('puller', roles => ['image-puller']),
             main::key_record('far', allow_from => ['192.0.2.0/24'])])
--- error_code eval
[401, 401, 401, 403, 403, 401, 401]
--- response_body eval
[main::unauthorized('the API key is not valid'),
 main::unauthorized('the credentials are not an API key'),
 main::unauthorized('the API key has been revoked'),
 main::denied('the tenant of the API key is suspended'),
 main::denied('the API key may not be used from this address'),
 main::unauthorized('the credentials are not an API key'),
 main::unauthorized('the token is not valid')]


=== TEST 7: without registry_anonymous nobody anonymous gets a token
--- config
registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
location = /token {
    registry_token;
}
--- request
GET /token?scope=repository:public/a:pull
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="registry"


=== TEST 8: forms and queries are read strictly
--- request eval
["GET /token?scope=%zz", "GET /token?scope=a%00b",
 "GET /token?password=x", "GET /token?offline_token=a&offline_token=b",
 "GET /token?" . join('&', map { "scope=repository:a$_:pull" } 1 .. 65),
 main::post(grant_type => 'password'),
 main::post(grant_type => 'implicit', password => 'x'),
 main::post(password => 'x'),
 main::post(grant_type => 'refresh_token', password => 'x'),
 main::post(grant_type => 'password', password => 'x', refresh_token => 'x'),
 main::post(grant_type => ['password', 'password'], password => 'x'),
 "POST /token\n", "PUT /token\nx", "DELETE /token",
 "POST /token\n" . 'a' x 20000]
--- more_headers eval
[(main::basic('puller')) x 5, ($main::FormType) x 10]
--- error_code eval
[(400) x 11, 411, 405, 405, 413]


=== TEST 9: a body that is no form
--- request eval
[("POST /token\ngrant_type=password&password=x") x 2]
--- more_headers eval
["", "Content-Type: multipart/form-data; boundary=x"]
--- error_code eval
[415, 415]
--- response_body_like eval
[(qr/\A\{"errors":\[/) x 2]


=== TEST 10: too many scopes for a header
--- request eval
"GET /token?" . join '&', map { 'scope=repository:acme/' . 'a' x 100 . "$_:pull" } 1 .. 50
--- more_headers eval
main::basic('puller')
--- error_code: 400


=== TEST 11: a token lets in
--- request eval
["GET /v2/", "GET /v2/acme/app/manifests/1", "HEAD /v2/acme/app/manifests/1",
 "PUT /v2/acme/app/manifests/1", "GET /v2/acme/app/manifests/1"]
--- more_headers eval
[main::token('puller'), main::token('puller', 'repository:acme/app:pull'),
 main::token('pusher', 'repository:acme/app:push'),
 main::token('pusher', 'repository:acme/app:push'),
 'Authorization: Basic ' . MIME::Base64::encode_base64('token:'
     . main::jwt('two', main::claims('puller', ['repository:acme/app:pull'])),
     '')]
--- error_code eval
[(200) x 5]
--- response_headers eval
["X-Who: puller000000/puller000000/acme",
 "X-Who: puller000000/puller000000/acme",
 "X-Who: pusher000000/pusher000000/acme",
 "X-Who: pusher000000/pusher000000/acme",
 "X-Who: puller000000/puller000000/acme"]
--- response_body eval
["GET /v2/ []\n", "GET /v2/acme/app/manifests/1 []\n", "",
 "PUT /v2/acme/app/manifests/1 []\n", "GET /v2/acme/app/manifests/1 []\n"]


=== TEST 12: a token with less than it takes is asked for more
--- request eval
["GET /v2/acme/app/manifests/1", "PUT /v2/acme/app/manifests/1",
 "GET /v2/acme/other/manifests/1", "GET /v2/_catalog"]
--- more_headers eval
[main::token('puller'), (main::token('pusher', 'repository:acme/app:pull')) x 3]
--- error_code eval
[(401) x 4]
--- response_headers eval
[map { qq{X-Reason: token_scope\n}
       . qq{WWW-Authenticate: Bearer realm="http://localhost:$ENV{TEST_NGINX_SERVER_PORT}/token",service="registry.example.org",scope="$_",error="insufficient_scope"} }
 "repository:acme/app:pull", "repository:acme/app:pull,push",
 "repository:acme/other:pull", "registry:catalog:*"]
--- no_access_log
backend:


=== TEST 13: a token with more than its key has is worth no more
--- request eval
["GET /v2/rival/app/manifests/1", "PUT /v2/acme/app/manifests/1"]
--- more_headers eval
[main::token('puller', 'repository:rival/app:pull'),
 main::token('puller', 'repository:acme/app:pull,push')]
--- error_code eval
[403, 403]
--- response_headers eval
[("X-Reason: scope") x 2]


=== TEST 14: an API key without the scope is denied, as ever
--- request
PUT /v2/acme/app/manifests/1
--- more_headers eval
main::basic('puller')
--- error_code: 403


=== TEST 15: tokens that are refused
--- request eval
[("GET /v2/acme/app/manifests/1") x 13]
--- more_headers eval
my @access = ('puller', ['repository:acme/app:pull']);
my $good = main::jwt('one', main::claims(@access));
[map { "Authorization: Bearer $_" }
 main::jwt('three', main::claims(@access)),
 main::jwt('three', main::claims(@access), kid => main::jwk('one')->{kid}),
 main::jwt('one', main::claims(@access), alg => 'none'),
 main::jwt('one', main::claims(@access), alg => 'ES256'),
 main::jwt('one', main::claims(@access), crit => ['exp']),
 main::jwt('three', main::claims(@access), kid => undef,
           jwk => main::jwk('three')),
 main::jwt('one', main::claims(@access, iss => 'registry.example.com')),
 main::jwt('one', main::claims(@access, aud => ['a', 'b'])),
 main::jwt('one', main::claims(@access, exp => undef)),
 main::jwt('one', main::claims(@access, nbf => time + 100)),
 main::jwt('one', main::claims(@access), typ => 'backend+jwt'),
 substr($good, 0, -4) . 'AAAA', "$good.$good"]
--- error_code eval
[(401) x 13]
--- response_headers_like eval
[(qq{X-Reason: token\nWWW-Authenticate: Bearer .*,error="invalid_token"}) x 12,
 'X-Reason: malformed']
--- no_access_log
backend:


=== TEST 16: a token that has ended, and keys that are not there
--- request eval
[("GET /v2/acme/app/manifests/1") x 4]
--- more_headers eval
[map { 'Authorization: Bearer ' . main::jwt('one', $_) }
 main::claims('puller', ['repository:acme/app:pull'], exp => time - 100),
 main::claims('ghost', ['repository:acme/app:pull']),
 main::claims('puller', ['repository:acme/app:pull'], sub => '../x'),
 main::claims('puller', ['repository:acme/app:pull'], issuer => 'x')]
--- error_code eval
[(401) x 4]
--- response_headers eval
["X-Reason: token_expired", "X-Reason: unknown_key", ("X-Reason: token") x 2]


=== TEST 17: a token of somebody anonymous is good for what all may do here
--- request eval
["GET /v2/public/a/manifests/1", "GET /v2/acme/app/manifests/1",
 "GET /v2/public/b/manifests/1", "GET /v2/"]
--- more_headers eval
[map { 'Authorization: Bearer '
       . main::jwt('one', main::claims('puller', $_, sub => '')) }
 ['repository:public/a:pull'], ['repository:acme/app:pull'],
 ['repository:public/a:pull'], []]
--- error_code eval
[200, 401, 401, 200]
--- response_headers eval
["X-Who: //", "X-Reason: no_credentials", "X-Reason: token_scope", "X-Who: //"]


=== TEST 18: public keys
--- request
GET /jwks
--- response_body_filters eval
sub {
    join ' ', map { join '/', @$_{qw( kid alg use kty )}, $_->{d} // '' }
        @{JSON::PP::decode_json($_[0])->{keys}};
}
--- response_body eval
join ' ', map { main::jwk($_)->{kid} . '/EdDSA/sig/OKP/' } qw( one two )
--- response_headers
Content-Type: application/json


=== TEST 19: a file with two keys: the first one signs
--- config
registry_token_key $TEST_NGINX_HTML_DIR/both.pem alg=EdDSA;
location = /token { registry_token; }
location /v2/ { registry on; proxy_pass http://backend; }
--- request eval
["GET /token", "GET /v2/", "GET /v2/"]
--- more_headers eval
[main::basic('puller'), main::token('puller'),
 'Authorization: Bearer ' . main::jwt('two', main::claims('puller'))]
--- response_body_like eval
my $kid = main::jwk('two')->{kid};
my $head = MIME::Base64::encode_base64url(qq({"alg":"EdDSA","kid":"$kid"));
[qr/"token":"\Q@{[substr $head, 0, 70]}\E/, qr/GET/, qr/GET/]


=== TEST 20: a server takes no tokens of another one
--- http_config eval
$main::HttpConfig . <<'END'
    registry_token_key $TEST_NGINX_HTML_DIR/one.pem;

    server {
        listen unix:$TEST_NGINX_HTML_DIR/other.sock;
        server_name other.example.org;
        location / { registry on; proxy_pass http://backend; }
    }
END
--- config
registry_token_issuer registry.example.org;
location = /token { registry_token; }
location /v2/ { registry on; proxy_pass http://backend; }
location /other/ { proxy_pass http://unix:$TEST_NGINX_HTML_DIR/other.sock:/; }
--- request eval
["GET /v2/", "GET /other/v2/", "GET /v2/", "GET /other/v2/"]
--- more_headers eval
[(main::token('puller')) x 4]
--- error_code eval
[200, 401, 200, 401]


=== TEST 21: what a client says does not change where it is sent
--- request
GET /v2/
--- more_headers
Host: evil.example.org
X-Forwarded-Proto: https
X-Forwarded-Host: evil.example.org
Forwarded: proto=https;host=evil.example.org
--- error_code: 401
--- response_headers eval
qq{WWW-Authenticate: Bearer realm="http://localhost:$ENV{TEST_NGINX_SERVER_PORT}/token",service="registry.example.org"}


=== TEST 22: another challenge where the configuration wants one
--- config
registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
location = /token { registry_token; }
location /v2/ {
    registry on;
    registry_challenge auto realm=https://hub.example.org/t service=hub;
    proxy_pass http://backend;
}
location /v2/basic/ {
    registry on;
    registry_challenge basic;
    proxy_pass http://backend;
}
--- request eval
["GET /v2/", "GET /v2/basic/manifests/1"]
--- error_code eval
[401, 401]
--- response_headers eval
['WWW-Authenticate: Bearer realm="https://hub.example.org/t",service="hub"',
 'WWW-Authenticate: Basic realm="registry"']


=== TEST 23: a server that is on guards no token endpoint
--- config
registry on;
registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
location = /token { registry_token; }
location = /jwks { registry_jwks; }
location /v2/ { proxy_pass http://backend; }
--- request eval
["GET /token", "GET /jwks", "GET /v2/", "GET /token"]
--- more_headers eval
[main::basic('puller'), '', '', '']
--- error_code eval
[200, 200, 401, 401]


=== TEST 24: a dry run refuses nobody
--- config
registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
location = /token { registry_token; }
location /v2/ {
    registry on;
    registry_auth dry_run;
    add_header X-Reason $registry_reason always;
    proxy_pass http://backend;
}
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval
main::token('puller')
--- response_headers
X-Reason: token_scope


=== TEST 25: error_page and satisfy any
--- config
registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
location = /token {
    registry_token;
    error_page 401 = @refused;
}
location @refused { return 418 "who are you?\n"; }
location /v2/ {
    registry on;
    satisfy any;
    deny all;
    proxy_pass http://backend;
}
--- request eval
["GET /token", "GET /v2/", "GET /v2/acme/app/manifests/1"]
--- more_headers eval
['', main::token('puller'), main::token('puller')]
--- error_code eval
[418, 200, 401]


=== TEST 26: a server without a name of its own cannot say where to go
--- http_config eval
$main::Http . <<'END'
    server {
        listen unix:$TEST_NGINX_HTML_DIR/nameless.sock;
        server_name "";
        registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
        location = /token { registry_token; }
        location / { registry on; proxy_pass http://backend; }
    }
END
--- config
location /v2/ { proxy_pass http://unix:$TEST_NGINX_HTML_DIR/nameless.sock; }
--- request
GET /v2/
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="registry"
--- error_log
clients cannot be sent to "/token"


=== TEST 27: what a backend gets that wants tokens
--- config
registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
location /v2/ {
    registry on;
    registry_backend_auth token service=storage;
    proxy_pass http://backend;
}
location /chat/ {
    registry api api:chat:invoke;
    registry_auth off;
    registry_backend_auth token;
    proxy_pass http://backend;
}
--- request eval
my $digest = $main::Digest;
["GET /v2/", "GET /v2/acme/app/manifests/1", "GET /v2/acme/app/tags/list",
 "PUT /v2/acme/app/manifests/1", "DELETE /v2/acme/app/manifests/1",
 "GET /v2/_catalog",
 "POST /v2/acme/app/blobs/uploads/?mount=$digest&from=acme/base",
 "POST /v2/acme/app/blobs/uploads/?mount=$digest&from=rival/base",
 "GET /chat/"]
--- more_headers eval
[main::basic('puller'), main::basic('puller'),
 main::token('puller', 'repository:acme/app:pull'), main::basic('pusher'),
 main::basic('cleaner'), main::basic('admin'), main::basic('pusher'),
 main::basic('pusher'), '']
--- response_body_filters eval
$main::sent
--- response_body eval
["backend+jwt storage sub=puller000000",
 "backend+jwt storage sub=puller000000 repository:acme/app:pull",
 "backend+jwt storage sub=puller000000 repository:acme/app:pull",
 "backend+jwt storage sub=pusher000000 repository:acme/app:pull,push",
 "backend+jwt storage sub=cleaner00000 repository:acme/app:delete",
 "backend+jwt storage sub=admin0000000 registry:catalog:*",
 "backend+jwt storage sub=pusher000000 repository:acme/app:pull,push repository:acme/base:pull",
 "backend+jwt storage sub=pusher000000 repository:acme/app:pull,push",
 "backend+jwt registry.example.org sub= api:chat:invoke"]


=== TEST 28: nothing is sent for what is refused
--- config
registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
location /v2/ {
    registry on;
    registry_backend_auth token;
    proxy_pass http://backend;
}
--- request eval
["GET /v2/", "PUT /v2/acme/app/manifests/1"]
--- more_headers eval
['', main::basic('puller')]
--- error_code eval
[401, 403]
--- no_access_log
backend:


=== TEST 29: a token for the backend is none for the gateway
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval
'Authorization: Bearer '
. main::jwt('one', main::claims('puller', ['repository:acme/app:pull']),
            typ => 'backend+jwt')
--- error_code: 401


=== TEST 30: a form that nginx would write to a file is not read
--- config
registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
client_body_buffer_size 64;
location = /token { registry_token; }
--- request eval
main::post(grant_type => 'password', password => main::key('puller'))
--- more_headers eval
$main::FormType
--- error_code: 413


=== TEST 31: a token in place of the user name is not logged
--- http_config eval
$main::Http . "log_format who 'who=[\$remote_user]';\n"
--- config
registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
access_log logs/access.log who;
location /v2/ { registry on; proxy_pass http://backend; }
--- request
GET /v2/
--- more_headers eval
'Authorization: Basic ' . MIME::Base64::encode_base64(
    main::jwt('one', main::claims('puller')) . ':x', '')
--- error_code: 401
--- access_log
who=[-]


=== TEST 32: a token endpoint is none for subrequests
--- config
registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
location = /token { registry_token; }
location /v2/ {
    registry on;
    auth_request /token;
    proxy_pass http://backend;
}
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval
main::basic('puller')
--- error_code: 403
--- no_access_log
backend:


=== TEST 33: the backend gets one token for the same thing, and no other
--- config
registry_token_key $TEST_NGINX_HTML_DIR/one.pem;
location /v2/ {
    registry on;
    registry_backend_auth token;
    proxy_pass http://backend;
}
location /v2/acme/other/ {
    registry on;
    registry_backend_auth token service=other;
    proxy_pass http://backend;
}
location /v2/acme/named/ {
    registry on;
    registry_backend_auth token kid=libtrust;
    proxy_pass http://backend;
}
--- request eval
["GET /v2/acme/app/manifests/1", "GET /v2/acme/app/manifests/1",
 "GET /v2/acme/app/tags/list", "GET /v2/acme/app/tags/list",
 "PUT /v2/acme/app/manifests/1", "GET /v2/acme/ap/tags/list",
 "GET /v2/", "GET /v2/", "GET /v2/acme/other/tags/list",
 "GET /v2/acme/named/tags/list", "GET /v2/acme/app/manifests/1"]
--- more_headers eval
[(main::basic('puller')) x 3, (main::basic('pusher')) x 2,
 (main::basic('puller')) x 6]
--- response_body_filters eval
$main::again
--- response_body eval
[qw( new again again new new new new again new new again )]


=== TEST 34: tokens of before a revocation, and younger ones
--- user_files eval
">>> store.json\n" . main::store(
    tenants => [main::tenant('acme')],
    keys => [main::key_record('ended', roles => ['image-puller'],
                              tokens_not_before => '2026-01-01T00:00:00Z')])
--- request eval
["GET /v2/acme/app/manifests/1", "GET /v2/acme/app/manifests/1",
 "GET /v2/acme/app/manifests/1", "GET /v2/acme/app/manifests/1",
 map { main::post(grant_type => 'refresh_token', refresh_token =>
           main::jwt('one', main::claims('ended', undef, access => undef,
                                         iat => $_),
                     typ => 'refresh+jwt')) } 1767225600, 1767225601]
--- more_headers eval
[(map { 'Authorization: Bearer '
        . main::jwt('one', main::claims('ended', ['repository:acme/app:pull'],
                                        iat => $_)) }
      undef, 1767225600, 1767225601),
 main::basic('ended'), ($main::FormType) x 2]
--- error_code eval
[401, 401, 200, 200, 401, 200]
