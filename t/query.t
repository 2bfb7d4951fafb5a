# The query that the backend reads is the one that was authorised.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

my $uploads = '/v2/acme/app/blobs/uploads/';
my $escaped = $Digest =~ s/:/%3A/r;

our $OwnStore = ">>> store.json\n" . store(
    keys => [
        key_record('pusher', roles => ['image-pusher']),
        key_record('target', scopes => ['repository:acme/app:push']),
        key_record('both', scopes => ['repository:acme/app:push',
                                      'repository:lib/x:pull']),
    ],
    tenants => [tenant('acme')]
);

# [key, query of the POST, query that the backend gets].  pusher may push to
# and pull from acme/**, target may only push to acme/app.

our @Mounts = (
    [pusher => "?mount=$Digest&from=acme/base",
               "?mount=$Digest&from=acme/base"],
    [pusher => "?from=acme/base&mount=$Digest",
               "?from=acme/base&mount=$Digest"],
    [pusher => "?mount=$escaped&from=acme%2Fbase",
               "?mount=$escaped&from=acme%2Fbase"],
    [both   => "?mount=$Digest&from=lib%2Fx", "?mount=$Digest&from=lib%2Fx"],

    # whoever may not read the source uploads the blob
    [pusher => "?mount=$Digest&from=rival/secret", ''],
    [pusher => "?from=rival/secret&mount=$Digest", ''],
    [pusher => "?mount=$escaped&from=rival%2Fsecret", ''],
    [pusher => "?mount=$Digest&from=rival%2Fsecret&ns=docker.io",
               '?ns=docker.io'],
    [pusher => "?ns=docker.io&mount=$Digest&from=rival/secret&x=1",
               '?ns=docker.io&x=1'],
    [target => "?mount=$Digest&from=acme/app", ''],
    [target => "?mount=$Digest&from=acme/base", ''],
    [both   => "?mount=$Digest&from=lib/y", ''],

    # zot would look everywhere
    [pusher => "?mount=$Digest", ''],
    [pusher => "?mount=$Digest&from=", ''],
    [pusher => '?mount=&from=', ''],
    [pusher => '?from=rival/secret', ''],
    [pusher => '?from=acme/base', '?from=acme/base'],
    [pusher => '?mount', ''],
    [pusher => '?from', ''],

    # the rest of the query is nobody's business
    [pusher => "?digest=$Digest", "?digest=$Digest"],
    [pusher => '', ''],
    [pusher => '?', '?'],
    [pusher => '?&&x=1&', '?&&x=1&'],
    [pusher => '?x=1&x=2', '?x=1&x=2'],
);

# [method, target, code]: refused, whoever asks

our @Bad = map { [split ' ', $_, 3] } (
    # what one server takes first and another last
    "POST $uploads?mount=$Digest&from=acme/base&from=rival/x UNSUPPORTED",
    "POST $uploads?mount=$Digest&mount=$Digest&from=acme/base UNSUPPORTED",
    "POST $uploads?digest=$Digest&digest=$Digest UNSUPPORTED",
    'PUT ' . $uploads . 'u?_state=a&_state=b UNSUPPORTED',
    'GET /v2/_catalog?n=1&n=100000 UNSUPPORTED',
    'GET /v2/_catalog?last=a&last=b UNSUPPORTED',
    'GET /v2/acme/app/tags/list?n=1&n=2 UNSUPPORTED',
    "GET /v2/acme/app/referrers/$Digest?artifactType=a&artifactType=b"
        . ' UNSUPPORTED',

    # names in disguise
    "POST $uploads?%6dount=$Digest&%66rom=rival/secret UNSUPPORTED",
    "POST $uploads?mount=$Digest&from=acme/base&%66rom=rival/x UNSUPPORTED",
    "POST $uploads?m%6Funt=$Digest UNSUPPORTED",
    "POST $uploads?x%20y=1 UNSUPPORTED",
    "POST $uploads?from+=1 UNSUPPORTED",
    "POST $uploads?+from=1 UNSUPPORTED",
    "POST $uploads?mount=$Digest;from=rival/x UNSUPPORTED",
    "POST $uploads?x=1;mount=$Digest UNSUPPORTED",
    'GET /v2/_catalog?%6e=100000 UNSUPPORTED',
    'GET /v2/_catalog?=1 UNSUPPORTED',

    # values outside of their grammar
    "POST $uploads?mount=sha256:abc&from=acme/base DIGEST_INVALID",
    "POST $uploads?mount=latest&from=acme/base DIGEST_INVALID",
    "POST $uploads?mount=$Digest&from=Acme/base NAME_INVALID",
    "POST $uploads?mount=$Digest&from=../secret NAME_INVALID",
    "POST $uploads?mount=$Digest&from=acme/../rival NAME_INVALID",
    "POST $uploads?mount=$Digest&from=acme%252Fbase NAME_INVALID",
    "POST $uploads?mount=$Digest&from=acme%00 UNSUPPORTED",
    "POST $uploads?mount=$Digest&from=acme%0a UNSUPPORTED",
    "POST $uploads?mount=$Digest&from=acme%2 UNSUPPORTED",
    "POST $uploads?mount=$Digest&from=acme%zz UNSUPPORTED",
    "POST $uploads?digest=sha256:abc DIGEST_INVALID",
    'PUT ' . $uploads . 'u?digest=abc DIGEST_INVALID',
    'GET /v2/_catalog?n=-1 UNSUPPORTED',
    'GET /v2/_catalog?n=1e9 UNSUPPORTED',
    'GET /v2/_catalog?n=0x10 UNSUPPORTED',
    'GET /v2/_catalog?n= UNSUPPORTED',
    'GET /v2/_catalog?n UNSUPPORTED',
    'GET /v2/_catalog?n=' . '9' x 30 . ' UNSUPPORTED',
    'GET /v2/_catalog?last=' . 'a' x 8192 . ' UNSUPPORTED',
);

# [query, query that the backend gets]

our @Lists = (
    ['', ''],
    ['?n=0', '?n=0'],
    ['?n=10', '?n=10'],
    ['?n=1000', '?n=1000'],
    ['?n=1001', '?n=1000'],
    ['?n=999999999999', '?n=1000'],
    ['?n=5000&last=acme/app', '?n=1000&last=acme/app'],
    ['?last=acme%2Fapp&n=5000', '?last=acme%2Fapp&n=1000'],
    ['?last=acme/app', '?last=acme/app'],
    ['?n=0000000002', '?n=0000000002'],
);

my @forms = (
    'application/x-www-form-urlencoded',
    'Application/X-WWW-Form-URLEncoded; charset=utf-8',
    'multipart/form-data; boundary=x',
    'multipart/mixed',

    # Go trims and lower-cases by Unicode, so Distribution takes these for forms
    "\xc2\xa0application/x-www-form-urlencoded",
    "appl\xc4\xb0cation/x-www-form-urlencoded",
);

our @Forms = map {
    my $type = $_;

    map { [$_, $type] } "POST $uploads", "PATCH ${uploads}u", "PUT ${uploads}u",
                        'PUT /v2/acme/app/manifests/1'
} @forms;

run_tests();

__DATA__

=== TEST 1: a mount needs both sides, or it is no mount
--- user_files eval: $::OwnStore
--- request eval
[map { "POST /v2/acme/app/blobs/uploads/$_->[1]" } @::Mounts]
--- more_headers eval
[map { main::basic($_->[0]) } @::Mounts]
--- error_code eval
[(200) x @::Mounts]
--- response_body eval
[map { "POST /v2/acme/app/blobs/uploads/$_->[2] []\n" } @::Mounts]


=== TEST 2: a mount without push on the target is denied
--- request eval
"POST /v2/rival/app/blobs/uploads/?mount=$::Digest&from=acme/app"
--- more_headers eval: main::basic('pusher')
--- error_code: 403
--- no_access_log
backend:


=== TEST 3: queries that two readers might read differently
--- config eval
"large_client_header_buffers 4 32k;\n$::Config"
--- request eval
[map { "$_->[0] $_->[1]" } @::Bad]
--- more_headers eval: main::basic('admin')
--- error_code eval
[(400) x @::Bad]
--- response_headers eval
[("Content-Type: application/json\nX-Reason: not_canonical\n!X-Backend")
 x @::Bad]
--- response_body_like eval
[map { qq{^\\{"errors":\\[\\{"code":"$_->[2]","message":"[^"]+"\\}\\]\\}\n\$} }
     @::Bad]
--- no_access_log
backend:


=== TEST 4: lists are capped
--- request eval
[map { ("GET /v2/_catalog$_->[0]", "GET /v2/acme/app/tags/list$_->[0]") }
     @::Lists]
--- more_headers eval: main::basic('admin')
--- error_code eval
[(200, 200) x @::Lists]
--- response_body eval
[map { ("GET /v2/_catalog$_->[1] []\n",
        "GET /v2/acme/app/tags/list$_->[1] []\n") } @::Lists]


=== TEST 5: also where the operator forwards $request_uri
--- config
location /v2/ {
    registry on;
    proxy_pass http://backend$request_uri;
}
--- request eval
["GET /v2/_catalog?n=1", "GET /v2/acme/app/manifests/1"]
--- more_headers eval: main::basic('admin')
--- error_code eval
[200, 200]
--- response_body eval
["GET /v2/_catalog?n=1 []\n", "GET /v2/acme/app/manifests/1 []\n"]


=== TEST 6: rewritten queries, too
--- config
location /v2/ {
    registry on;
    proxy_pass http://backend$request_uri;
}
--- request eval
["GET /v2/_catalog?n=5000",
 "POST /v2/acme/app/blobs/uploads/?mount=$::Digest&from=rival/secret",
 "POST /v2/acme/app/blobs/uploads/?x=1&mount=$::Digest&from=rival/secret"]
--- more_headers eval
[main::basic('admin'), main::basic('pusher'), main::basic('pusher')]
--- error_code eval
[200, 200, 200]
--- response_body eval
["GET /v2/_catalog?n=1000 []\n", "POST /v2/acme/app/blobs/uploads/ []\n",
 "POST /v2/acme/app/blobs/uploads/?x=1 []\n"]


=== TEST 7: and in proxy_pass with a path of its own
--- config
location /v2/ {
    registry on;
    proxy_pass http://backend/v2/;
}
--- request eval
["GET /v2/_catalog?n=5000",
 "POST /v2/acme/app/blobs/uploads/?mount=$::Digest&from=rival/secret",
 "POST /v2/acme/app/blobs/uploads/?x=1&mount=$::Digest&from=acme/base"]
--- more_headers eval
[main::basic('admin'), main::basic('pusher'), main::basic('pusher')]
--- error_code eval
[200, 200, 200]
--- response_body eval
["GET /v2/_catalog?n=1000 []\n", "POST /v2/acme/app/blobs/uploads/ []\n",
 "POST /v2/acme/app/blobs/uploads/?x=1&mount=$::Digest&from=acme/base []\n"]


=== TEST 8: form bodies would beat the query
--- request eval
[map { "$_->[0]\nfrom=rival/secret&mount=$::Digest" } @::Forms]
--- more_headers eval
[map { main::basic('admin') . "\nContent-Type: $_->[1]" } @::Forms]
--- error_code eval
[(415) x @::Forms]
--- response_headers eval
[("Content-Type: application/json\nX-Reason: form\n!X-Backend") x @::Forms]
--- response_body eval
[(main::error_body('UNSUPPORTED', 'the request body may not be a form'))
 x @::Forms]
--- no_access_log
backend:


=== TEST 9: even without a body, and in the second of two headers
--- request eval
["POST /v2/acme/app/blobs/uploads/", "POST /v2/acme/app/blobs/uploads/\nx"]
--- more_headers eval
[main::basic('admin') . "\nContent-Type: application/x-www-form-urlencoded",
 main::basic('admin') . "\nContent-Type: application/octet-stream"
 . "\nContent-Type: multipart/form-data; boundary=x"]
--- error_code_like eval
['^(?:400|415)$', '^(?:400|415)$']
--- no_access_log
backend:


=== TEST 10: other bodies pass
--- request eval
["POST /v2/acme/app/blobs/uploads/?digest=$::Digest\nhello",
 "PUT /v2/acme/app/manifests/1\n{}", "PUT /v2/acme/app/manifests/1\n{}"]
--- more_headers eval
[main::basic('admin') . "\nContent-Type: application/octet-stream",
 main::basic('admin')
 . "\nContent-Type: application/vnd.oci.image.manifest.v1+json",
 main::basic('admin')]
--- error_code eval
[200, 200, 200]


=== TEST 11: GET and HEAD with a body
--- request eval
["GET /v2/acme/app/manifests/1\nhello", "HEAD /v2/acme/app/manifests/1\nhello",
 "GET /v2/acme/app/manifests/1\n5\r\nhello\r\n0\r\n\r\n"]
--- more_headers eval
[main::basic('admin'), main::basic('admin'),
 main::basic('admin') . "\nTransfer-Encoding: chunked"]
--- error_code eval
[400, 400, 400]
--- response_headers eval
[("Content-Type: application/json\nX-Reason: body") x 3]
--- response_body eval
[main::error_body('UNSUPPORTED', 'the request may not have a body'), '',
 main::error_body('UNSUPPORTED', 'the request may not have a body')]
--- no_access_log
backend:


=== TEST 12: an empty body is none
--- request eval
["GET /v2/acme/app/manifests/1"]
--- more_headers eval
[main::basic('admin') . "\nContent-Length: 0"]
--- response_body
GET /v2/acme/app/manifests/1 []


=== TEST 13: a form is one wherever its header stands
--- request eval
[map { "POST /v2/acme/app/blobs/uploads/\nmount=$::Digest&from=rival/secret" }
     1 .. 4]
--- more_headers eval
my $form = 'Content-Type: application/x-www-form-urlencoded';
[map { main::basic('pusher') . "\n$_" }
     "$form\nX-After: 1", "X-Before: 1\n$form\nAccept: a/b\nX-After: 1",
     "$form\n$form", "CONTENT-TYPE: multipart/form-data\nX-After: 1"]
--- error_code eval
[(415) x 4]
--- response_headers eval
[("X-Reason: form\n!X-Backend") x 4]
--- no_access_log
backend:
