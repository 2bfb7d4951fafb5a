# The variables, for access logs, headers and maps.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

my $hex = 'ab' x 32;
my $hex512 = 'cd' x 64;

our @Names = qw( operation repository reference digest digest_algorithm
                 digest_hex digest_prefix tenant key_id decision reason
                 label_project label_owner label_nothing );

our $Shown = join '|', map { '$registry_' . $_ } @Names;

our $All = <<"END";
    location / {
        registry on;
        add_header X-All "$Shown" always;
        proxy_pass http://backend;
    }
END

my $who = 'acme|admin0000000|allow|granted|apollo|ops team|';

# [request, what the variables say]

our @Routes = (
    ['GET /v2/', "ping|||||||$who"],
    ['GET /v2/_catalog', "catalog|||||||$who"],
    ['GET /v2/acme/app/tags/list', "list|acme/app||||||$who"],
    ['GET /v2/acme/app/manifests/v1.0', "pull|acme/app|v1.0|||||$who"],
    ['HEAD /v2/acme/app/manifests/v1.0', "pull|acme/app|v1.0|||||$who"],
    ['PUT /v2/acme/app/manifests/v1.0', "push|acme/app|v1.0|||||$who"],
    ['DELETE /v2/acme/app/manifests/v1.0', "delete|acme/app|v1.0|||||$who"],
    ["GET /v2/acme/app/manifests/sha256:$hex",
     "pull|acme/app|sha256:$hex|sha256:$hex|sha256|$hex|ab|$who"],
    ["GET /v2/acme/app/blobs/sha256:$hex",
     "pull|acme/app|sha256:$hex|sha256:$hex|sha256|$hex|ab|$who"],
    ["GET /v2/acme/app/blobs/sha512:$hex512",
     "pull|acme/app|sha512:$hex512|sha512:$hex512|sha512|$hex512|cd|$who"],

    # the reference is as the client wrote it, the digest is not
    ["GET /v2/acme/app/blobs/sha256%3A$hex",
     "pull|acme/app|sha256%3A$hex|sha256:$hex|sha256|$hex|ab|$who"],

    ["GET /v2/acme/app/referrers/sha256:$hex",
     "referrers|acme/app|sha256:$hex|sha256:$hex|sha256|$hex|ab|$who"],
    ['POST /v2/acme/app/blobs/uploads/', "push|acme/app||||||$who"],
    ["POST /v2/acme/app/blobs/uploads/?mount=sha256:$hex&from=acme/base",
     "mount|acme/app||||||$who"],
    ['PATCH /v2/acme/app/blobs/uploads/u-1', "push|acme/app|u-1|||||$who"],
);

# names that hold the words of the grammar: the last ones count

our @Names2 = (
    ['GET /v2/a/blobs/b/manifests/c/tags/list', 'a/blobs/b/manifests/c'],
    ['GET /v2/blobs/uploads/manifests/tags', 'blobs/uploads'],
    ['GET /v2/manifests/manifests/manifests', 'manifests'],
    ['GET /v2/tags/list/tags/list', 'tags/list'],
    ["GET /v2/uploads/blobs/$Digest", 'uploads'],
    ['POST /v2/blobs/uploads/blobs/uploads/', 'blobs/uploads'],
);

no_root_location();
run_tests();

__DATA__

=== TEST 1: for every kind of request
--- config eval: $::All
--- request eval
[map { $_->[0] } @::Routes]
--- more_headers eval: main::basic('admin')
--- error_code eval
[(200) x @::Routes]
--- response_headers eval
[map { "X-All: $_->[1]" } @::Routes]


=== TEST 2: repositories that are called like endpoints
--- config
location /v2/ {
    registry on;
    add_header X-Repository $registry_repository always;
    proxy_pass http://backend;
}
--- request eval
[map { $_->[0] } @::Names2]
--- more_headers eval: main::basic('admin')
--- error_code eval
[(200) x @::Names2]
--- response_headers eval
[map { "X-Repository: $_->[1]" } @::Names2]


=== TEST 3: of requests that are refused
--- config eval: $::All
--- request eval
["GET /v2/acme/app/manifests/1", "GET /v2/acme/app/manifests/1",
 "PUT /v2/acme/app/manifests/1", "GET /v2//x", "GET /v2/x",
 "BREW /v2/acme/app/manifests/1"]
--- more_headers eval
['', main::basic('ghost'), (main::basic('puller')) x 4]
--- error_code eval
[401, 401, 403, 400, 404, 405]
--- response_headers eval
["X-All: pull|acme/app|1|||||||deny|no_credentials|||",
 "X-All: pull|acme/app|1|||||||deny|unknown_key|||",
 "X-All: push|acme/app|1|||||acme|puller000000|deny|scope|apollo|ops team|",
 "X-All: |||||||||deny|not_canonical|||",
 "X-All: |||||||||deny|no_route|||",
 "X-All: |||||||||deny|method|||"]


=== TEST 4: in the access log, where "-" stands for none
--- http_config eval
$::HttpConfig . <<'END'
log_format who 'who: $registry_tenant $registry_key_id $registry_operation '
               '$registry_repository $registry_label_project '
               '$registry_label_none';
END
--- config
location /v2/ {
    registry on;
    access_log $TEST_NGINX_SERVER_ROOT/logs/access.log who;
    proxy_pass http://backend;
}
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- access_log
who: acme puller000000 pull acme/app apollo -


=== TEST 5: early, in "map" and "set", for choosing a backend
--- http_config eval
$::HttpConfig . <<'END'
map $registry_repository $chosen {
    default   backend;
    ~^acme/b  other;
}
upstream other {
    server unix:$TEST_NGINX_HTML_DIR/other.sock;
}
server {
    listen unix:$TEST_NGINX_HTML_DIR/other.sock;
    return 200 "other: $request_uri $http_x_early\n";
}
END
--- config
location /v2/ {
    registry on;
    set $early "$registry_operation/$registry_repository/$registry_decision";
    proxy_set_header X-Early $early;
    proxy_pass http://$chosen;
}
--- request eval
["GET /v2/acme/app/manifests/1", "GET /v2/acme/big/manifests/1"]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200]
--- response_body eval
["GET /v2/acme/app/manifests/1 []\n",
 "other: /v2/acme/big/manifests/1 pull/acme/big/\n"]


=== TEST 6: and the decision is there when it has been made
--- config
location /v2/ {
    registry on;
    proxy_set_header X-Decision "$registry_decision/$registry_reason";
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/echo.sock;
}
--- http_config eval
$::HttpConfig . <<'END'
server {
    listen unix:$TEST_NGINX_HTML_DIR/echo.sock;
    return 200 "$http_x_decision\n";
}
END
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- response_body
allow/granted


=== TEST 7: where there is no registry they are empty
--- config eval
$::All =~ s/registry on/registry off/r
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- response_headers eval
'X-All: ' . '|' x (@::Names - 1)


=== TEST 8: open locations know the request, not who made it
--- config eval
$::All =~ s/registry on;/registry on; registry_auth off;/r
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- response_headers
X-All: pull|acme/app|1|||||||||||


=== TEST 9: headers of the client are no way to set them
--- config eval: $::All
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval
main::basic('puller') . "\n" . <<'END'
X-Registry-Tenant: rival
Registry-Tenant: rival
registry_tenant: rival
END
--- response_headers
X-All: pull|acme/app|1|||||acme|puller000000|allow|granted|apollo|ops team|
