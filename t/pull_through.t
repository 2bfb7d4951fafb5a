# What is pulled through from a registry of others: tokens, redirects, names.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;
use Registry::TestUpstream;

# A gateway of an upstream with more in its block, or with other lines.

sub hub {
    my ($lines, $realm) = @_;

    $realm //= 'realm http://auth.test/token;';

    return $HttpConfig . $Servers
           . "registry_upstream hub { url http://hub.test; follow cdn.test;"
           . "$realm $lines }\n";
}

our $Credential = ">>> robot\nrobot:secret\n>>> answers/html.json\n<html>\n"
                  . ">>> answers/empty.json\n{}\n>>> answers/huge.json\n"
                  . '{"token":"' . 'a' x 40000 . "\"}\n"
                  . ">>> answers/line.json\n"
                  . qq({"token":"a\\r\\nX-Evil: yes"}\n);

our $Guarded = "access_log off; location /v2/ { registry on; registry_pull_through hub;";

our $WithFile = 'credential_file $TEST_NGINX_HTML_DIR/robot;';

run_tests();

__DATA__

=== TEST 1: a manifest, with a token for its repository and nothing of ours
--- http_config eval: $::Upstream
--- config eval: $::Front
--- request
GET /v2/app/manifests/1
--- more_headers
Authorization: Basic YTpi
Cookie: a=b
--- response_body
GET /v2/library/app/manifests/1
--- response_headers
Content-Type: application/vnd.oci.image.index.v1+json
!Set-Cookie
!WWW-Authenticate
--- access_log
hub.test: GET /v2/library/app/manifests/1 auth=[-] range=[-] cookie=[-]
auth.test: GET /token?service=hub.test&scope=repository:library/app:pull auth=[-]
hub.test: GET /v2/library/app/manifests/1 auth=[Bearer good] range=[-] cookie=[-]
--- no_access_log
YTpi


=== TEST 2: a blob, from where the upstream redirects to, which gets no token
--- http_config eval: $::Upstream
--- config eval: $::Front
--- request eval: "GET /v2/app/blobs/$::Blob"
--- more_headers
Range: bytes=2-6
--- response_body eval: $::BlobBody
--- access_log eval
["hub.test: GET /v2/library/app/blobs/$::Blob auth=[Bearer good] range=[bytes=2-6]",
 "cdn.test: GET /data//v2/library/app/blobs/$::Blob?signature=1 auth=[-] range=[bytes=2-6]"]


=== TEST 3: a HEAD stays a HEAD all the way
--- http_config eval: $::Upstream
--- config eval: $::Front
--- request eval
["HEAD /v2/app/blobs/$::Blob", "HEAD /v2/app/manifests/1"]
--- response_headers eval
["Content-Length: " . length $::BlobBody, "!Location"]
--- access_log
auth.test: GET
--- no_access_log
hub.test: GET
cdn.test: GET


=== TEST 4: what the client takes, in however many lines
--- http_config eval: $::Upstream
--- config eval: $::Front
--- request
GET /v2/open/app/manifests/1
--- more_headers
Accept: a/b
Accept: c/d
Accept-Encoding: gzip
X-Forwarded-For: 192.0.2.1
--- response_body_like: ^open accept=\[a/b(, c/d)?\]$
--- no_access_log
auth.test


=== TEST 5: the credential goes to the realm, and not to the upstream
--- http_config eval: main::hub($::WithFile)
--- config eval: $::Front
--- user_files eval: $::Credential
--- request
GET /v2/private/app/manifests/1
--- response_body
GET /v2/private/app/manifests/1
--- access_log eval
["auth.test: GET /token?service=hub.test&scope=repository:private/app:pull auth=[$::Basic]",
 "hub.test: GET /v2/private/app/manifests/1 auth=[Bearer good]"]
--- no_access_log eval
qr/hub\.test: .* auth=\[Basic/


=== TEST 6: without a realm it goes to the upstream, but never further
--- http_config eval: main::hub($::WithFile, '')
--- config eval: $::Front
--- user_files eval: $::Credential
--- request eval
["GET /v2/library/app/manifests/1", "GET /v2/library/app/blobs/$::Blob"]
--- error_code eval
[502, 502]
--- access_log eval
qr{hub\.test: GET /v2/library/app/(manifests|blobs)/\S+ auth=\[\Q$::Basic\E\]}
--- no_access_log
auth.test
--- error_log
upstream "hub": it refuses the credentials of "credential_file"


=== TEST 7: where it redirects to gets nothing
--- http_config eval: main::hub($::WithFile, '')
--- config eval: $::Front
--- user_files eval: $::Credential
--- request
GET /v2/to/here/manifests/1
--- access_log
hub.test: GET /v2/open/app/manifests/1 auth=[-]


=== TEST 8: the realm gives no token
--- http_config eval: $::Upstream
--- config eval: $::Front
--- request
GET /v2/private/app/manifests/1
--- error_code: 502
--- response_headers
Content-Type: application/json
!WWW-Authenticate
--- error_log
upstream "hub": there is no token for "private/app", the realm answers 401


=== TEST 9: a token that is not enough: two questions, and no more
--- http_config eval: $::Upstream
--- config eval: $::Front
--- request eval
["GET /v2/secret/manifests/1", "GET /v2/secret/manifests/1"]
--- error_code eval
[403, 403]
--- response_headers eval
[("Content-Type: application/json\n!WWW-Authenticate") x 2]
--- error_log
upstream "hub": it does not give "library/secret" to us, or has none


=== TEST 10: redirects that are not followed
--- http_config eval: $::Upstream
--- config eval: $::Front
--- request eval
[map { "GET /v2/to/$_/manifests/1" } qw( other slashes user metadata port self
                                         scheme wants missing )]
--- error_code eval
[(502) x 9]
--- response_headers eval
[("Content-Type: application/json\n!Location\n!WWW-Authenticate") x 9]
--- error_log eval
qr{upstream "hub": (its redirect is not followed|where it redirects to, (credentials are wanted|the answer was 404))}
--- no_access_log
evil


=== TEST 11: redirects without end
--- http_config eval: $::Upstream
--- config eval: $::Front
--- request
GET /v2/to/loop/manifests/1
--- error_code: 502
--- error_log
upstream "hub": it redirects again and again


=== TEST 12: challenges that nobody answers
--- http_config eval: main::hub($::WithFile)
--- config eval: $::Front
--- user_files eval: $::Credential
--- request eval
[map { "GET /v2/wants/$_/manifests/1" } qw( other basic garbage scope )]
--- error_code eval
[(502) x 4]
--- error_log eval
qr{upstream "hub": (it names the realm "http://evil\.test/token"|its 401 has no good challenge|it wants the scope "repository:library/app:pull")}
--- no_access_log
evil
auth.test


=== TEST 13: answers of the realm that are no token
--- http_config eval: main::hub($::WithFile)
--- config eval: $::Front
--- user_files eval: $::Credential
--- request eval
[map { "GET /v2/answers/$_/manifests/1" } qw( html empty huge line none )]
--- error_code eval
[(502) x 5]
--- error_log eval
qr{upstream "hub": (the answer of the realm is no token: it|there is no token for "answers/none")}


=== TEST 14: only pulls
--- http_config eval: $::Upstream
--- config eval: $::Front
--- request eval
["POST /v2/app/blobs/uploads/", "PUT /v2/app/manifests/1\nx",
 "DELETE /v2/app/manifests/1", "GET /v2/_catalog", "GET /v2/"]
--- error_code eval
[405, 405, 405, 404, 200]
--- response_headers eval
[("Allow: GET, HEAD") x 3, ("Content-Type: application/json") x 2]
--- no_access_log
hub.test


=== TEST 15: names below a prefix, and the registry that a mirror is of
--- http_config eval: main::hub('prefix hub; ns docker.io; library on;')
--- config eval: $::Front
--- request eval
["GET /v2/hub/app/manifests/1?ns=docker.io",
 "GET /v2/hub/open/app/manifests/1", "GET /v2/app/manifests/1",
 "GET /v2/hub/app/manifests/1?ns=quay.io", "GET /v2/hub/app/tags/list?n=2&ns=docker.io"]
--- error_code eval
[200, 200, 404, 404, 200]
--- response_body_like eval
['^GET /v2/library/app/manifests/1$', '^open', 'errors', 'errors',
 '^GET /v2/library/app/tags/list\?n=2$']


=== TEST 16: an upstream has no say in what nginx does
--- http_config eval: $::Upstream
--- config eval
main::pull('hub', 'add_header X-Url $registry_upstream_url; error_page 404 /page;')
. 'location = /page { return 200 page; }'
--- request eval
["GET /v2/open/app/manifests/1", "GET /v2/_catalog"]
--- error_code eval
[200, 404]
--- response_headers eval
["X-Url: http://hub.test/v2/open/app/manifests/1", '']
--- response_body eval
["open accept=[]\n", 'page']


=== TEST 17: the realm is away
--- http_config eval: main::hub('', 'realm http://127.0.0.1:1/token;')
--- config eval: $::Front
--- request eval
["GET /v2/app/manifests/1", "GET /v2/open/app/manifests/1"]
--- error_code eval
[502, 200]


=== TEST 18: what belongs in front
--- http_config eval: $::Upstream . 'proxy_cache_path $TEST_NGINX_HTML_DIR/cache keys_zone=c:1m;'
--- config eval: main::pull('hub', 'proxy_cache c;')
--- must_die
--- error_log
"proxy_cache" belongs to a location in front of "/v2/", the one with "registry_pull_through"


=== TEST 19: a proof, too
--- http_config eval: $::Upstream
--- config eval: main::pull('hub', 'registry_proof on;')
--- must_die
--- error_log
"registry_proof" belongs to a location in front of the one with "registry_pull_through"


=== TEST 20: it is in place of proxy_pass
--- http_config eval: $::Upstream
--- config eval: main::pull('hub', 'proxy_pass http://hub.test;')
--- must_die
--- error_log
"proxy_pass" directive is duplicate


=== TEST 21: an upstream that anybody may be
--- http_config eval
$::HttpConfig . 'registry_upstream hub { url https://127.0.0.1:1; }'
--- config eval: $::Front
--- request
GET /v2/
--- error_log eval
qr{\[warn\] .*without "proxy_ssl_verify on" in "/v2/" anybody may be the upstream "hub"}


=== TEST 22: without a location in front: who may not pull is told so once
--- http_config eval: main::hub('prefix acme;')
--- config eval: $::Guarded . '}'
--- request eval
["GET /v2/acme/library/app/manifests/1", "GET /v2/acme/library/app/manifests/1",
 "GET /v2/rival/library/app/manifests/1"]
--- more_headers eval
['', (main::basic('puller')) x 2]
--- error_code eval
[401, 200, 403]
--- response_headers eval
["Content-Type: application/json\nWWW-Authenticate: Basic realm=\"registry\"",
 '!WWW-Authenticate', 'Content-Type: application/json']
--- response_body_like eval
['"UNAUTHORIZED"', '^GET /v2/library/app/manifests/1$', '"DENIED"']
--- no_error_log
redirection cycle


=== TEST 23: the same where an address is enough
--- http_config eval: main::hub('prefix acme;')
--- config eval
$::Guarded . 'satisfy any; allow 127.0.0.1; deny all; }'
--- request
GET /v2/acme/library/app/manifests/1
--- response_body
GET /v2/library/app/manifests/1


=== TEST 24: a token is for one host, where the operator sends it by hand, too
--- http_config eval: main::hub($::WithFile . ' library on;')
--- config eval
main::pull('hub', 'proxy_set_header Authorization $http_authorization;')
--- user_files eval: $::Credential
--- request eval: ["GET /v2/app/blobs/$::Blob", "GET /v2/app/blobs/$::Blob"]
--- response_body eval: [($::BlobBody) x 2]
--- access_log eval
["hub.test: GET /v2/library/app/blobs/$::Blob auth=[Bearer good]",
 "cdn.test: GET /data//v2/library/app/blobs/$::Blob?signature=1 auth=[-]"]
--- no_access_log eval
qr/(hub|cdn)\.test: .* auth=\[Basic|cdn\.test: .* auth=\[B/


=== TEST 25: the next page is had from us; other links are not for our clients
--- http_config eval: main::hub('prefix acme;')
--- config eval: $::Front
--- request eval
[map { "GET /v2/acme/links/app/tags/list?last=$_" }
     qw( here whole evil slashes other longer two short )]
--- response_headers eval
[('Link: </v2/acme/links/app/tags/list?last=b&n=2>; rel="next"') x 2,
 ('!Link') x 6]


=== TEST 26: two challenges: the one that can be answered, and none for the client
--- http_config eval: $::Upstream
--- config eval: $::Front
--- request
GET /v2/twice/manifests/1
--- response_body
twice
--- response_headers
!WWW-Authenticate
