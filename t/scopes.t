# What a key's scopes grant, as requests see it.  The grammar itself is tested
# in t/unit.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $OwnStore = ">>> store.json\n" . store(
    keys => [
        map { key_record(@$_) }
            [none    => ],
            [one     => scopes => ['repository:acme/app:pull']],
            [star    => scopes => ['repository:acme/*:pull']],
            [deep    => scopes => ['repository:acme/**:pull']],
            [any     => scopes => ['repository:**:*']],
            [pcre    => scopes => ['repository:~^acme/(dev|qa)-:pull']],
            [mine    => scopes => ['repository:{tenant}/**:pull']],
            [push    => scopes => ['repository:acme/app:push']],
            [remove  => scopes => ['repository:acme/app:delete']],
            [both    => scopes => ['repository:acme/app:pull,push']],
            [catalog => scopes => ['registry:catalog:*']],
            [role    => roles => ['reader']],
            [two     => roles => ['reader', 'image-pusher'],
                        scopes => ['registry:catalog:*']],
            [costly  => scopes => ['repository:~^(a+)+$:pull']],
    ],
    tenants => [tenant('acme')],
    roles => [{ version => 1, name => 'reader',
                scopes => ['repository:shared/{tenant}/*:pull'] }]
);


# [key, method, path below /v2/, status], one line for each request.

sub table {
    return map { [split ' '] } grep { /\S/ } split /\n/, $_[0];
}

sub requests {
    return [map { "$_->[1] /v2/$_->[2]" } @_];
}

sub headers {
    return [map { basic($_->[0]) } @_];
}

sub statuses {
    return [map { $_->[3] } @_];
}

sub bodies {
    return [map { $_->[1] eq 'HEAD' ? ''
                  : $_->[3] == 403 ? denied()
                  : "$_->[1] /v2/$_->[2] []\n" } @_];
}

our @Patterns = table(<<'END');
    none    GET     acme/app/manifests/1             403
    one     GET     acme/app/manifests/1             200
    one     GET     acme/app2/manifests/1            403
    one     GET     acme/ap/manifests/1              403
    one     GET     acme/app/sub/manifests/1         403
    one     GET     app/manifests/1                  403
    star    GET     acme/app/manifests/1             200
    star    GET     acme/app/sub/manifests/1         403
    star    GET     acme/manifests/1                 403
    deep    GET     acme/app/manifests/1             200
    deep    GET     acme/app/sub/manifests/1         200
    deep    GET     acme/manifests/1                 403
    deep    GET     acmex/app/manifests/1            403
    deep    GET     rival/acme/app/manifests/1       403
    any     GET     some/where/else/manifests/1      200
    pcre    GET     acme/dev-app/manifests/1         200
    pcre    GET     acme/qa-app/deep/manifests/1     200
    pcre    GET     acme/prod-app/manifests/1        403
    pcre    GET     x/acme/dev-app/manifests/1       403
    mine    GET     acme/app/manifests/1             200
    mine    GET     rival/app/manifests/1            403
END

our @Actions = table(<<"END");
    one     HEAD    acme/app/manifests/1             200
    one     PUT     acme/app/manifests/1             403
    one     DELETE  acme/app/manifests/1             403
    one     POST    acme/app/blobs/uploads/          403
    one     GET     acme/app/tags/list               200
    one     GET     acme/app/referrers/$Digest       200
    push    GET     acme/app/manifests/1             403
    push    HEAD    acme/app/manifests/1             200
    push    HEAD    acme/app/blobs/$Digest           200
    push    GET     acme/app/blobs/$Digest           403
    push    PUT     acme/app/manifests/1             200
    push    POST    acme/app/blobs/uploads/          200
    push    PATCH   acme/app/blobs/uploads/u-1       200
    push    GET     acme/app/tags/list               403
    push    DELETE  acme/app/blobs/$Digest           403
    remove  DELETE  acme/app/manifests/1             200
    remove  DELETE  acme/app/blobs/$Digest           200
    remove  HEAD    acme/app/manifests/1             403
    remove  GET     acme/app/manifests/1             403
    both    GET     acme/app/manifests/1             200
    both    PUT     acme/app/manifests/1             200
    both    DELETE  acme/app/manifests/1             403
    any     DELETE  acme/app/manifests/1             200
    any     GET     _catalog                         403
    catalog GET     _catalog                         200
    catalog GET     acme/app/manifests/1             403
    none    GET     _catalog                         403
END

our @Roles = table(<<'END');
    role    GET     shared/acme/a/manifests/1        200
    role    GET     shared/rival/a/manifests/1       403
    role    GET     acme/app/manifests/1             403
    two     GET     shared/acme/a/manifests/1        200
    two     PUT     shared/acme/a/manifests/1        403
    two     PUT     acme/app/manifests/1             200
    two     GET     _catalog                         200
END

run_tests();

__DATA__

=== TEST 1: patterns of repositories
--- user_files eval: $::OwnStore
--- request eval: main::requests(@::Patterns)
--- more_headers eval: main::headers(@::Patterns)
--- error_code eval: main::statuses(@::Patterns)
--- response_body eval: main::bodies(@::Patterns)


=== TEST 2: actions
--- user_files eval: $::OwnStore
--- request eval: main::requests(@::Actions)
--- more_headers eval: main::headers(@::Actions)
--- error_code eval: main::statuses(@::Actions)
--- response_body eval: main::bodies(@::Actions)


=== TEST 3: the scopes of a key and of its roles add up
--- user_files eval: $::OwnStore
--- request eval: main::requests(@::Roles)
--- more_headers eval: main::headers(@::Roles)
--- error_code eval: main::statuses(@::Roles)
--- response_body eval: main::bodies(@::Roles)


=== TEST 4: a key without any scope may still log in
--- user_files eval: $::OwnStore
--- request
GET /v2/
--- more_headers eval: main::basic('none')
--- response_body
GET /v2/ []


=== TEST 5: the built-in roles
--- request eval
["GET /v2/acme/app/manifests/1", "GET /v2/acme/manifests/1",
 "PUT /v2/acme/app/manifests/1", "PUT /v2/acme/app/manifests/1",
 "PUT /v2/acme/manifests/1", "DELETE /v2/acme/app/manifests/1",
 "DELETE /v2/acme/app/manifests/1", "GET /v2/_catalog", "GET /v2/_catalog"]
--- more_headers eval
[map { main::basic($_) } qw( puller puller puller pusher pusher pusher
                             admin admin pusher )]
--- error_code eval
[200, 200, 403, 200, 200, 403, 200, 200, 403]


=== TEST 6: a refusal says DENIED, keeps the key from nobody, and is logged
--- request
PUT /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 403
--- response_headers
Content-Type: application/json
Docker-Distribution-Api-Version: registry/2.0
X-Reason: scope
!WWW-Authenticate
!X-Backend
--- response_body eval: main::denied()
--- no_access_log
backend:
--- error_log
denied: reason scope, key "puller000000", operation push, repository "acme/app"


=== TEST 7: an expression that explodes costs its owner a refusal, no worker
--- user_files eval: $::OwnStore
--- request eval
["GET /v2/" . 'a' x 60 . "b/manifests/1", "GET /v2/" . 'a' x 9 . "/manifests/1"]
--- more_headers eval: main::basic('costly')
--- error_code eval: [403, 200]
