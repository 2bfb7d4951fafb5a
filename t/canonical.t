# Only canonical targets pass, and they pass byte for byte.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

my $hex = 'ab' x 32;

# An admin may do everything, so that nothing but the form is judged here.

our @Good = (
    '/v2/',
    '/v2/acme/app/manifests/latest',
    '/v2/a/manifests/_',
    '/v2/a.b_c__d---e/f0/manifests/V1.0-rc_2.',
    '/v2/' . 'a' x 255 . '/manifests/' . 'T' x 128,
    "/v2/acme/app/blobs/sha256:$hex",
    "/v2/acme/app/blobs/sha256%3A$hex",
    "/v2/acme/app/blobs/sha256%3a$hex",
    "/v2/acme/app/manifests/sha256%3A$hex",
    '/v2/acme/app/blobs/sha512:' . '0f' x 64,
    '/v2/manifests/blobs/tags/list',
    '/v2/acme/app/blobs/uploads/A-Za_z0.9=',
    '/v2/acme/app/manifests/latest?',
    '/v2/acme/app/manifests/latest?ns=docker.io',
    '/v2/acme/app/blobs/uploads/u?_state=a%3D%3D&digest=sha256%3A' . $hex,
);

# [target, code of the error]

our @Bad = (
    # components that are empty, or dots, or escaped
    ['/v2//',                                   'NAME_INVALID'],
    ['/v2//acme/app/manifests/1',               'NAME_INVALID'],
    ['/v2/acme//app/manifests/1',               'NAME_INVALID'],
    ['/v2/acme/app//manifests/1',               'NAME_INVALID'],
    ['/v2/acme/app/manifests//1',               'NAME_INVALID'],
    ['//v2/acme/app/manifests/1',               'NAME_INVALID'],
    ['/v2/./acme/app/manifests/1',              'NAME_INVALID'],
    ['/v2/acme/./app/manifests/1',              'NAME_INVALID'],
    ['/v2/rival/../acme/app/manifests/1',       'NAME_INVALID'],
    ['/v2/acme/app/manifests/../manifests/1',   'NAME_INVALID'],
    ['/x/../v2/acme/app/manifests/1',           'NAME_INVALID'],
    ['/./v2/acme/app/manifests/1',              'NAME_INVALID'],
    ['/v2/acme/app/manifests/1/.',              'NAME_INVALID'],
    ['/v2/acme/app/manifests/1/x/..',           'NAME_INVALID'],
    ['/v2/acme%2Fapp/manifests/1',              'NAME_INVALID'],
    ['/v2/acme/app%2fmanifests/1',              'NAME_INVALID'],
    ['/v2/acme/%2e%2e/rival/app/manifests/1',   'NAME_INVALID'],
    ['/v2/acme/.%2e/rival/app/manifests/1',     'NAME_INVALID'],
    ['/%76%32/acme/app/manifests/1',            'NAME_INVALID'],
    ['/v2/%61cme/app/manifests/1',              'NAME_INVALID'],
    ['/v2/acme/app/m%61nifests/1',              'NAME_INVALID'],
    ['/v2/acme/app/manifests/%31',              'NAME_INVALID'],
    ['/v2/acme/app/manifests/a%3Ab',            'NAME_INVALID'],
    ['/v2/_c%61talog',                          'NAME_INVALID'],
    ["/v2/acme/app/blobs/sha256%253A$hex",      'NAME_INVALID'],
    ["/v2/acme/app/blobs/sha%32%35%36:$hex",    'NAME_INVALID'],
    ["/v2/acme%3Aapp/blobs/sha256:$hex",        'NAME_INVALID'],

    # slashes where none belongs
    ['/v2/acme/app/manifests/1/',               'NAME_INVALID'],
    ['/v2/acme/app/tags/list/',                 'NAME_INVALID'],
    ['/v2/_catalog/',                           'NAME_INVALID'],
    ["/v2/acme/app/blobs/sha256:$hex/",         'NAME_INVALID'],
    ['/v2/acme/app/blobs/uploads//',            'NAME_INVALID'],
    ['/v2/acme/app/blobs/uploads/x/',           'NAME_INVALID'],
    ['/v2/blobs/uploads/',                      'NAME_INVALID'],

    # bytes that mean something to somebody
    ['/v2/acme;/app/manifests/1',               'NAME_INVALID'],
    ['/v2/acme/app;x=1/manifests/1',            'NAME_INVALID'],
    ['/v2/acme\\app/manifests/1',               'NAME_INVALID'],
    ['/v2/acme/app/manifests/1\\..\\2',         'NAME_INVALID'],
    ['/v2/acme/app/manifests/1#x',              'NAME_INVALID'],
    ['/v2/acme/app%23/manifests/1',             'NAME_INVALID'],
    ['/v2/acme%3F/app/manifests/1',             'NAME_INVALID'],
    ['/v2/acme@rival/app/manifests/1',          'NAME_INVALID'],
    ['/v2/acme/a+b/manifests/1',                'NAME_INVALID'],
    ["/v2/acme/\xc3\xa9/manifests/1",           'NAME_INVALID'],
    ['/v2/acme/app/manifests/1%0d%0aX-A:%201',  'NAME_INVALID'],

    # names, tags and digests outside of their grammar
    ['/v2/Acme/app/manifests/1',                'NAME_INVALID'],
    ['/v2/acme/-app/manifests/1',               'NAME_INVALID'],
    ['/v2/acme/app-/manifests/1',               'NAME_INVALID'],
    ['/v2/acme/a..b/manifests/1',               'NAME_INVALID'],
    ['/v2/acme/a___b/manifests/1',              'NAME_INVALID'],
    ['/v2/acme/.../manifests/1',                'NAME_INVALID'],
    ['/v2/acme:5000/app/manifests/1',           'NAME_INVALID'],
    ['/v2/' . 'a' x 256 . '/manifests/1',       'NAME_INVALID'],
    ['/v2/acme/app/manifests/.1',               'TAG_INVALID'],
    ['/v2/acme/app/manifests/-1',               'TAG_INVALID'],
    ['/v2/acme/app/manifests/1=2',              'TAG_INVALID'],
    ['/v2/acme/app/manifests/' . 'T' x 129,     'TAG_INVALID'],
    ['/v2/acme/app/manifests/sha256:abc',       'DIGEST_INVALID'],
    ['/v2/acme/app/manifests/md5:' . 'a' x 32,  'DIGEST_INVALID'],
    ['/v2/acme/app/blobs/latest',               'DIGEST_INVALID'],
    ['/v2/acme/app/blobs/uploads',              'DIGEST_INVALID'],
    ['/v2/acme/app/blobs/sha256:' . uc $hex,    'DIGEST_INVALID'],
    ["/v2/acme/app/blobs/SHA256:$hex",          'DIGEST_INVALID'],
    ["/v2/acme/app/blobs/sha256:${hex}0",       'DIGEST_INVALID'],
    ["/v2/acme/app/blobs/sha512:$hex",          'DIGEST_INVALID'],
    ["/v2/acme/app/referrers/$hex",             'DIGEST_INVALID'],
    ['/v2/acme/app/blobs/uploads/' . 'u' x 256, 'NAME_INVALID'],
);

# What nginx itself refuses has no location yet, and still is JSON.

our @Broken = (
    '/v2/acme/%zz/manifests/1',
    '/v2/acme/%/manifests/1',
    '/v2/acme/%00/manifests/1',
    '/v2/../../etc/passwd',
    "/v2/a\x00b/manifests/1",
    "/v2/a\x01b/manifests/1",
    "/v2/a\x7fb/manifests/1",
);

sub raw {
    my ($line, @headers) = @_;

    return join "\r\n", $line, 'Host: localhost', 'Connection: close',
                basic('admin'), @headers, '', '';
}


run_tests();

__DATA__

=== TEST 1: what is canonical reaches the backend as it was sent
--- request eval
[map { "GET $_" } @::Good]
--- more_headers eval: main::basic('admin')
--- error_code eval
[(200) x @::Good]
--- response_body eval
[map { "GET $_ []\n" } @::Good]


=== TEST 2: what is not is refused, and nothing reaches the backend
--- request eval
[map { "GET $_->[0]" } @::Bad]
--- more_headers eval: main::basic('admin')
--- error_code eval
[(400) x @::Bad]
--- response_headers eval
[(<<'END') x @::Bad]
Content-Type: application/json
Docker-Distribution-Api-Version: registry/2.0
X-Reason: not_canonical
!X-Backend
END
--- response_body_like eval
[map { qq{^\\{"errors":\\[\\{"code":"$_->[1]","message":"[^"]+"\\}\\]\\}\n\$} }
     @::Bad]
--- no_access_log
backend:


=== TEST 3: before anybody is asked who he is
--- request eval
[map { "GET $_->[0]" } @::Bad]
--- error_code eval
[(400) x @::Bad]
--- no_access_log
backend:


=== TEST 4: what nginx cannot parse
--- request eval
[map { "GET $_" } @::Broken]
--- more_headers eval: main::basic('admin')
--- error_code eval
[(400) x @::Broken]
--- response_headers eval
[("Content-Type: application/json") x @::Broken]
--- no_access_log
backend:


=== TEST 5: a path that leaves /v2/ is not ours, nor the backend's
--- request eval
["GET /v2/../index.html", "GET /v2/%2e%2e/index.html",
 "GET /v2/acme/../../index.html"]
--- more_headers eval: main::basic('admin')
--- error_code eval
[200, 200, 200]
--- response_body_like eval
[("It works!") x 3]
--- no_access_log
backend:


=== TEST 6: the absolute form names the same resource
--- raw_request eval
main::raw('GET http://localhost/v2/acme/app/manifests/1 HTTP/1.1')
--- response_body
GET /v2/acme/app/manifests/1 []


=== TEST 7: and is judged by its path as well
--- raw_request eval
main::raw('GET http://localhost/v2/acme//app/manifests/1 HTTP/1.1')
--- error_code: 400
--- response_headers
X-Reason: not_canonical
--- no_access_log
backend:


=== TEST 8: an authority that looks like a path
--- raw_request eval
main::raw('GET http://localhost?/v2/acme/app/manifests/1 HTTP/1.1')
--- error_code: 200
--- response_body_like: It works!
--- no_access_log
backend:


=== TEST 9: spaces in the target
--- raw_request eval
main::raw('GET /v2/acme/app/manifests/1 x HTTP/1.1')
--- error_code: 400
--- response_headers
Content-Type: application/json
--- no_access_log
backend:


=== TEST 10: headers that would route elsewhere change nothing
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval
main::basic('rival') . <<'END'

X-Original-URL: /v2/rival/app/manifests/1
X-Rewrite-URL: /v2/rival/app/manifests/1
X-Forwarded-Uri: /v2/rival/app/manifests/1
X-Forwarded-Prefix: /v2/rival
X-Original-Method: GET
X-HTTP-Method-Override: GET
END
--- error_code: 403
--- response_headers
X-Reason: scope
--- no_access_log
backend:


=== TEST 11: a method in a header is none
--- request
PUT /v2/acme/app/manifests/1
--- more_headers eval
main::basic('puller') . "\nX-HTTP-Method-Override: GET\nX-Method: GET"
--- error_code: 403
--- no_access_log
backend:


=== TEST 12: the location may be above /v2/
--- config
location ~ ^ {
    registry on;
    proxy_pass http://backend;
}
--- request eval
["GET /", "GET /v2", "GET /v1/", "GET /V2/", "GET /metrics", "GET /debug/pprof",
 "GET /v2/acme/app/manifests/1"]
--- more_headers eval: main::basic('admin')
--- error_code eval
[404, 404, 400, 400, 404, 404, 200]
