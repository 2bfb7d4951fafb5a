# The challenge: exactly one, and the one that was configured.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

my $realm = 'https://auth.example.org/token';

our $Bearer = <<"END";
    location /v2/ {
        registry on;
        registry_challenge bearer realm=$realm service=registry.example.org;
        proxy_pass http://backend;
    }
END

# [method, target below /v2/, scope]

our @Scopes = (
    ['GET', '', ''],
    ['GET', '_catalog', 'registry:catalog:*'],
    ['GET', 'acme/app/tags/list', 'repository:acme/app:pull'],
    ['GET', 'acme/app/manifests/latest', 'repository:acme/app:pull'],
    ['HEAD', 'acme/app/manifests/latest', 'repository:acme/app:pull'],
    ['GET', "acme/app/blobs/$Digest", 'repository:acme/app:pull'],
    ['GET', "acme/app/referrers/$Digest", 'repository:acme/app:pull'],
    ['PUT', 'acme/app/manifests/latest', 'repository:acme/app:pull,push'],
    ['POST', 'acme/app/blobs/uploads/', 'repository:acme/app:pull,push'],
    ['PATCH', 'acme/app/blobs/uploads/u-1', 'repository:acme/app:pull,push'],
    ['DELETE', 'acme/app/manifests/latest', 'repository:acme/app:delete'],
    ['POST', "acme/app/blobs/uploads/?mount=$Digest&from=acme/base",
     'repository:acme/app:pull,push repository:acme/base:pull'],
);

sub challenge {
    my ($scope) = @_;

    return qq{Bearer realm="$realm",service="registry.example.org"}
           . ($scope eq '' ? '' : qq{,scope="$scope"});
}

run_tests();

__DATA__

=== TEST 1: Basic by default
--- request
GET /v2/
--- error_code: 401
--- raw_response_headers_like eval
my $other = qr/(?:(?!WWW-Authenticate)[^\n]*\n)*/;
qr/\A${other}WWW-Authenticate: Basic realm="registry"\r\n$other\z/
--- response_body eval: main::unauthorized()


=== TEST 2: Basic with a realm
--- config
location /v2/ {
    registry on;
    registry_challenge basic "realm=Images of Example Ltd.";
    proxy_pass http://backend;
}
--- request
GET /v2/
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="Images of Example Ltd."


=== TEST 3: auto is Basic where there is no token endpoint
--- config
location /v2/ {
    registry on;
    registry_challenge auto realm=here;
    proxy_pass http://backend;
}
--- request
GET /v2/
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="here"


=== TEST 4: Bearer names the scope that the request lacks
--- config eval: $::Bearer
--- request eval
[map { "$_->[0] /v2/$_->[1]" } @::Scopes]
--- error_code eval
[(401) x @::Scopes]
--- response_headers eval
[map { 'WWW-Authenticate: ' . main::challenge($_->[2]) } @::Scopes]
--- no_access_log
backend:


=== TEST 5: Bearer without a service
--- config
location /v2/ {
    registry on;
    registry_challenge bearer realm=https://auth.example.org/token;
    proxy_pass http://backend;
}
--- request
GET /v2/acme/app/manifests/1
--- error_code: 401
--- response_headers
WWW-Authenticate: Bearer realm="https://auth.example.org/token",scope="repository:acme/app:pull"


=== TEST 6: Basic is taken where Bearer is asked for
--- config eval: $::Bearer
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- response_body
GET /v2/acme/app/manifests/1 []


=== TEST 7: a key without the scope is denied, and not challenged again
--- config eval: $::Bearer
--- request
PUT /v2/acme/app/manifests/1
--- more_headers eval: main::bearer('puller')
--- error_code: 403
--- response_headers
!WWW-Authenticate
--- response_body eval: main::denied()


=== TEST 8: what the client says of hosts and schemes changes no realm
--- config eval: $::Bearer
--- request
GET /v2/
--- more_headers
Host: evil.example.com
X-Forwarded-Host: evil.example.com
X-Forwarded-Proto: gopher
Forwarded: host=evil.example.com;proto=gopher
--- error_code: 401
--- response_headers eval
'WWW-Authenticate: ' . main::challenge('')


=== TEST 9: inherited from the server, and overridden in a location
--- config
registry_challenge basic realm=outer;
location /v2/ {
    registry on;
    proxy_pass http://backend;
}
location /v2/acme/inner/ {
    registry on;
    registry_challenge basic realm=inner;
    proxy_pass http://backend;
}
--- request eval
["GET /v2/", "GET /v2/acme/inner/manifests/1"]
--- error_code eval
[401, 401]
--- response_headers eval
['WWW-Authenticate: Basic realm="outer"',
 'WWW-Authenticate: Basic realm="inner"']


=== TEST 10: HEAD gets the challenge, too
--- request
HEAD /v2/acme/app/manifests/1
--- error_code: 401
--- response_headers
WWW-Authenticate: Basic realm="registry"
Content-Type: application/json
--- response_body


=== TEST 11: one, though error_page led from one guarded location to another
--- config
location /v2/ {
    registry on;
    registry_challenge basic realm=first;
    error_page 401 = @second;
    proxy_pass http://backend;
}
location @second {
    registry on;
    registry_challenge basic realm=second;
    proxy_pass http://backend;
}
--- request eval
["GET /v2/acme/app/manifests/1", "GET /v2/acme/app/manifests/1"]
--- more_headers eval
['', main::bearer('ghost')]
--- error_code eval
[401, 401]
--- raw_response_headers_like eval
my $other = qr/(?:(?!WWW-Authenticate)[^\n]*\n)*/;
[(qr/\A${other}WWW-Authenticate: Basic realm="second"\r\n$other\z/) x 2]
--- no_access_log
backend:
