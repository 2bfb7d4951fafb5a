# registry_limit: what is counted, for whom, and what a client is told.  Windows
# are long, so that nothing grows again while a test runs.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

# A guarded location with limits; each request says what became of it.

sub location {
    my (@limits) = @_;

    return join "\n", 'location /v2/ {', '    registry on;',
        (map { "    registry_limit $_;" } @limits),
        '    add_header X-Limit "$registry_limit_status|$registry_limit_name"'
        . ' always;',
        '    add_header X-Decision "$registry_decision|$registry_reason"'
        . ' always;',
        '    proxy_pass http://backend;', '}';
}

# The body of a 429, with any time to wait.

sub too_many {
    my ($what, $count, $window, $seconds, $per, $name) = @_;

    return '\A\{"errors":\[\{"code":"TOOMANYREQUESTS","message":"too many '
        . "$what: $count in $window are allowed per $per, try again in "
        . '(\d+) seconds","detail":\{"name":"' . $name . '","limit":' . $count
        . ',"window":' . $seconds . ',"per":"' . $per . '","retry_after":\1\}'
        . '\}\]\}\n\z';
}

our $Manifest = 'GET /v2/acme/app/manifests/1';

# what is logged of several requests is looked for after each of them
check_accum_error_log();

no_root_location();
run_tests();

__DATA__

=== TEST 1: what passes is told what is left, and what does not how it is
--- config eval
main::location('pulls count=pull per=key rate=2/30d')
--- request eval
[($::Manifest) x 3]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 429]
--- response_headers eval
["ratelimit-limit: 2;w=2592000\nratelimit-remaining: 1;w=2592000\n"
 . "docker-ratelimit-source: puller000000\n!Retry-After\n"
 . "X-Limit: passed|\nX-Decision: allow|granted",
 "ratelimit-limit: 2;w=2592000\nratelimit-remaining: 0;w=2592000\n"
 . "docker-ratelimit-source: puller000000\n!Retry-After\n"
 . "X-Limit: passed|\nX-Decision: allow|granted",
 "ratelimit-limit: 2;w=2592000\nratelimit-remaining: 0;w=2592000\n"
 . "docker-ratelimit-source: puller000000\n"
 . "Content-Type: application/json\n"
 . "Docker-Distribution-Api-Version: registry/2.0\n"
 . "X-Limit: refused|pulls\nX-Decision: limit|rate"]
--- response_body_like eval
['manifests/1 \[\]', 'manifests/1 \[\]',
 main::too_many('pulls', 2, '30d', 2592000, 'key', 'pulls')]


=== TEST 2: and the log says whom it was
--- config eval
main::location('pulls count=pull per=key rate=1/30d')
--- pipelined_requests eval
[$::Manifest, $::Manifest]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 429]
--- error_log
registry: limited: limit "pulls", 1 in 30d per key, for "puller000000", operation pull, repository "acme/app"


=== TEST 3: Retry-After is whole seconds, until one has grown
--- config eval
main::location('pulls count=pull per=key rate=2/30d')
--- request eval
[($::Manifest) x 3]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 429]
--- raw_response_headers_like eval
['', '', '\r\nRetry-After: (1296000|1295\d\d\d)\r\n']


=== TEST 4: what is refused reaches no backend
--- config eval
main::location('pulls count=pull per=key rate=1/30d')
--- request eval
[$::Manifest, $::Manifest]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 429]
--- response_headers eval
['X-Backend: reached', '!X-Backend']


=== TEST 5: a pull is a GET of a manifest, and nothing else
--- config eval
main::location('pulls count=pull per=tenant rate=1/30d')
--- request eval
["HEAD /v2/acme/app/manifests/1", "GET /v2/", "GET /v2/acme/app/tags/list",
 "PUT /v2/acme/app/manifests/1", "POST /v2/acme/app/blobs/uploads/",
 "GET /v2/acme/app/blobs/$::Digest", "DELETE /v2/acme/app/manifests/1",
 "HEAD /v2/acme/app/manifests/1", $::Manifest, $::Manifest,
 "HEAD /v2/acme/app/manifests/1", "GET /v2/acme/app/blobs/$::Digest",
 "GET /v2/acme/app/tags/list"]
--- more_headers eval: main::basic('admin')
--- error_code eval
[(200) x 9, 429, 200, 200, 200]
--- response_headers eval
["ratelimit-remaining: 1;w=2592000\nX-Limit: passed|",
 ("!ratelimit-remaining\n!ratelimit-limit\n!docker-ratelimit-source\nX-Limit: |")
 x 6,
 "ratelimit-remaining: 1;w=2592000\nX-Limit: passed|",
 "ratelimit-remaining: 0;w=2592000\nX-Limit: passed|",
 "ratelimit-remaining: 0;w=2592000\nX-Limit: refused|pulls",
 "ratelimit-remaining: 0;w=2592000\nX-Limit: passed|",
 "!ratelimit-remaining", "!ratelimit-remaining"]


=== TEST 6: a push is a PUT of a manifest; without a permit no upload begins
--- config eval
main::location('pushes count=push per=tenant rate=2/30d')
--- request eval
["POST /v2/acme/app/blobs/uploads/", "PATCH /v2/acme/app/blobs/uploads/u",
 "PUT /v2/acme/app/manifests/1", "POST /v2/acme/app/blobs/uploads/",
 "POST /v2/acme/app/blobs/uploads/", "PUT /v2/acme/app/manifests/1",
 "POST /v2/acme/app/blobs/uploads/", "PUT /v2/acme/app/manifests/1",
 "PATCH /v2/acme/app/blobs/uploads/u", $::Manifest]
--- more_headers eval: main::basic('admin')
--- error_code eval
[200, 200, 200, 200, 200, 200, 429, 429, 200, 200]
--- response_body_like eval
['', '', '', '', '', '',
 (main::too_many('pushes', 2, '30d', 2592000, 'tenant', 'pushes')) x 2, '', '']
--- response_headers eval
['', '', '!ratelimit-limit', '', '', '',
 "ratelimit-limit: 2;w=2592000\nratelimit-remaining: 0;w=2592000\n"
 . "!docker-ratelimit-source", '', '', '']


=== TEST 7: a request is any of them
--- config eval
main::location('calls count=request per=tenant rate=4/30d')
--- request eval
["GET /v2/", "HEAD /v2/acme/app/manifests/1", "GET /v2/acme/app/tags/list",
 "POST /v2/acme/app/blobs/uploads/", "GET /v2/", $::Manifest]
--- more_headers eval: main::basic('admin')
--- error_code eval
[200, 200, 200, 200, 429, 429]
--- response_headers eval
['!ratelimit-limit', 'ratelimit-remaining: 2;w=2592000', '!ratelimit-limit',
 '!ratelimit-limit',
 "ratelimit-remaining: 0;w=2592000\n!docker-ratelimit-source",
 "ratelimit-remaining: 0;w=2592000\ndocker-ratelimit-source: acme"]


=== TEST 8: what is denied or malformed is not counted
--- config eval
main::location('calls count=request per=address rate=1/30d')
--- request eval
["GET /v2/", "GET /v2/rival/app/tags/list", "GET /v2//", "GET /v2/x",
 $::Manifest, $::Manifest]
--- more_headers eval
['', (main::basic('puller')) x 5]
--- error_code eval
[401, 403, 400, 404, 200, 429]


=== TEST 9: each key on its own
--- config eval
main::location('pulls count=pull per=key rate=1/30d')
--- request eval
[($::Manifest) x 4]
--- more_headers eval
[(main::basic('puller')) x 2, (main::basic('pusher')) x 2]
--- error_code eval
[200, 429, 200, 429]


=== TEST 10: each tenant on its own, with all its keys
--- config eval
main::location('pulls count=pull per=tenant rate=1/30d')
--- request eval
[$::Manifest, $::Manifest, ("GET /v2/rival/app/manifests/1") x 2]
--- more_headers eval
[main::basic('puller'), main::basic('pusher'), (main::basic('rival')) x 2]
--- error_code eval
[200, 429, 200, 429]
--- response_headers eval
[map { "docker-ratelimit-source: $_" } qw(acme acme rival rival)]


=== TEST 11: each repository on its own; without one the limit does not apply
--- config eval
main::location('any count=request per=repository rate=1/30d')
--- request eval
["GET /v2/acme/app/tags/list", "GET /v2/acme/web/tags/list",
 "GET /v2/acme/app/manifests/1", "GET /v2/", "GET /v2/", "GET /v2/_catalog"]
--- more_headers eval: main::basic('admin')
--- error_code eval
[200, 200, 429, 200, 200, 200]
--- response_headers eval
['X-Limit: passed|', 'X-Limit: passed|',
 "X-Limit: refused|any\ndocker-ratelimit-source: acme/app", ('X-Limit: |') x 3]


=== TEST 12: pairs
--- config eval
main::location('pulls count=pull per=repository,tenant rate=1/30d')
--- request eval
[("GET /v2/acme/app/manifests/1") x 2, ("GET /v2/acme/web/manifests/1") x 2]
--- more_headers eval
[main::basic('puller'), main::basic('pusher'), main::basic('puller'),
 main::basic('puller')]
--- error_code eval
[200, 429, 200, 429]
--- response_headers eval
[map { "docker-ratelimit-source: acme,acme/$_" } qw(app app web web)]


=== TEST 13: addresses, an IPv6 one by its /64
--- http_config eval
$::HttpConfig . <<'END'
set_real_ip_from unix:;
set_real_ip_from 127.0.0.1;
real_ip_header X-Client;
END
--- config eval
main::location('calls count=request per=address rate=1/30d')
--- request eval
[("GET /v2/") x 9]
--- more_headers eval
[map { main::basic('puller') . "\nX-Client: $_" }
 qw(10.0.0.1 10.0.0.2 10.0.0.1 ::ffff:10.0.0.2 2001:db8:1:2::1
    2001:db8:1:2:ffff::9 2001:db8:1:3::1 2001:db8:1:2::2 2001:db8:1:3::2)]
--- error_code eval
[200, 200, 429, 429, 200, 429, 200, 429, 429]


=== TEST 14: who has no key and no tenant is counted by address
--- http_config eval
$::HttpConfig . "set_real_ip_from 127.0.0.1;\nreal_ip_header X-Client;\n"
--- config
location /v2/acme/ {
    registry on;
    registry_anonymous repository:acme/**:pull;
    registry_limit keys count=pull per=key rate=1/30d;
    proxy_pass http://backend;
}
location /v2/public/ {
    registry on;
    registry_anonymous tenant=public repository:public/**:pull;
    registry_limit tenants count=pull per=tenant rate=1/30d;
    proxy_pass http://backend;
}
location /v2/rival/ {
    registry on;
    registry_auth off;
    registry_limit open count=pull per=tenant rate=1/30d;
    proxy_pass http://backend;
}
--- request eval
["GET /v2/acme/app/manifests/1", "GET /v2/acme/app/manifests/1",
 "GET /v2/acme/app/manifests/1", "GET /v2/acme/app/manifests/1",
 "GET /v2/public/app/manifests/1", "GET /v2/public/app/manifests/1",
 "GET /v2/rival/app/manifests/1", "GET /v2/rival/app/manifests/1",
 "GET /v2/rival/app/manifests/1"]
--- more_headers eval
['X-Client: 10.0.0.1', 'X-Client: 10.0.0.1', 'X-Client: 10.0.0.2',
 main::basic('puller') . "\nX-Client: 10.0.0.1", 'X-Client: 10.0.0.1',
 'X-Client: 10.0.0.2', 'X-Client: 10.0.0.1', 'X-Client: 10.0.0.1',
 'X-Client: 10.0.0.2']
--- error_code eval
[200, 429, 200, 200, 200, 429, 200, 429, 200]
--- response_headers eval
[map { "docker-ratelimit-source: $_" }
 qw(10.0.0.1 10.0.0.1 10.0.0.2 puller000000 public public 10.0.0.1 10.0.0.1
    10.0.0.2)]


=== TEST 15: a burst above the count, and below it
--- config
location /v2/acme/a/ {
    registry on;
    registry_limit high count=pull per=key rate=2/30d burst=4;
    proxy_pass http://backend;
}
location /v2/acme/b/ {
    registry on;
    registry_limit low count=pull per=key rate=3/30d burst=1;
    proxy_pass http://backend;
}
--- request eval
[("GET /v2/acme/a/x/manifests/1") x 5, ("GET /v2/acme/b/x/manifests/1") x 2]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 200, 200, 429, 200, 429]
--- response_headers eval
[(map { "ratelimit-limit: 2;w=2592000\nratelimit-remaining: $_;w=2592000" }
  2, 2, 1, 0, 0),
 ("ratelimit-limit: 3;w=2592000\nratelimit-remaining: 0;w=2592000") x 2]


=== TEST 16: a name is one limit in all locations that name it
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=2/30d;
    proxy_pass http://backend;

    location /v2/acme/nested/ {
        proxy_pass http://backend;
    }

    location /v2/acme/free/ {
        registry_limit off;
        proxy_pass http://backend;
    }
}
location /v2/acme/other/ {
    registry on;
    registry_limit pulls count=pull per=key rate=2/720h;
    proxy_pass http://backend;
}
--- request eval
["GET /v2/acme/app/manifests/1", "GET /v2/acme/nested/x/manifests/1",
 "GET /v2/acme/other/x/manifests/1", "GET /v2/acme/nested/x/manifests/1",
 "GET /v2/acme/free/x/manifests/1", "GET /v2/acme/app/manifests/1"]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 429, 429, 200, 429]


=== TEST 17: of several limits the strictest answers, and none is charged
--- config eval
main::location('pulls count=pull per=tenant rate=3/30d',
               'mine count=pull per=key rate=2/30d',
               'calls count=request per=address rate=100/30d')
--- request eval
[($::Manifest) x 5]
--- more_headers eval
[(main::basic('puller')) x 3, (main::basic('pusher')) x 2]
--- error_code eval
[200, 200, 429, 200, 429]
--- response_headers eval
["ratelimit-limit: 2;w=2592000\nratelimit-remaining: 1;w=2592000",
 "ratelimit-limit: 2;w=2592000\nratelimit-remaining: 0;w=2592000",
 "X-Limit: refused|mine\nratelimit-limit: 2;w=2592000",
 "ratelimit-limit: 3;w=2592000\nratelimit-remaining: 0;w=2592000",
 "X-Limit: refused|pulls\nratelimit-limit: 3;w=2592000"]


=== TEST 18: of those that refuse, the one that takes longest
--- config eval
main::location('short count=pull per=key rate=1/7d',
               'long count=pull per=key rate=1/30d',
               'middle count=pull per=key rate=1/14d')
--- request eval
[$::Manifest, $::Manifest]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 429]
--- response_headers eval
['X-Limit: passed|', 'X-Limit: refused|long']


=== TEST 19: a dry run decides, logs and lets pass, and tells no client
--- config eval
main::location('pulls count=pull per=key rate=1/30d dry_run')
--- pipelined_requests eval
[$::Manifest, $::Manifest]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200]
--- response_headers eval
["X-Limit: passed|\n!ratelimit-limit\n!docker-ratelimit-source",
 "X-Limit: refused_dry_run|pulls\n!ratelimit-limit\n!Retry-After\n"
 . "X-Decision: allow|granted"]
--- error_log
registry: would be limited: limit "pulls", 1 in 30d per key, for "puller000000", operation pull, repository "acme/app"
--- no_error_log
registry: limited


=== TEST 20: a dry run beside a limit that is none
--- config eval
main::location('tried count=pull per=key rate=1/30d dry_run',
               'pulls count=pull per=key rate=2/30d')
--- request eval
[($::Manifest) x 3]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 429]
--- response_headers eval
["X-Limit: passed|\nratelimit-limit: 2;w=2592000",
 "X-Limit: refused_dry_run|tried\nratelimit-limit: 2;w=2592000",
 "X-Limit: refused|pulls\nratelimit-limit: 2;w=2592000"]


=== TEST 21: other APIs
--- config
location /chat/ {
    registry api api:chat:invoke;
    registry_limit chats count=request per=key rate=1/30d;
    registry_limit pulls count=pull per=key rate=1/30d;
    proxy_pass http://backend;
}
--- user_files eval
">>> store.json\n" . main::store(
    tenants => [main::tenant('acme')],
    keys => [main::key_record('chat', scopes => ['api:chat:invoke'])])
--- request eval
["POST /chat/x", "POST /chat/y"]
--- more_headers eval: main::basic('chat')
--- error_code eval
[200, 429]
--- response_headers eval
["ratelimit-limit: 1;w=2592000\nratelimit-remaining: 0;w=2592000\n"
 . "!docker-ratelimit-source",
 "ratelimit-limit: 1;w=2592000\n!docker-ratelimit-source"]
--- response_body_like eval
['POST /chat/x',
 main::too_many('requests', 1, '30d', 2592000, 'key', 'chats')]


=== TEST 22: an internal redirect is charged once, whatever it leads to
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=2/30d;
    error_page 404 = @other;
    proxy_intercept_errors on;
    proxy_pass http://backend/none;
}
location @other {
    registry on;
    registry_limit pulls count=pull per=key rate=2/30d;
    registry_limit others count=request per=key rate=1/30d;
    add_header X-Limit "$registry_limit_status|$registry_limit_name" always;
    return 404 "other\n";
}
--- http_config eval
$::HttpConfig =~ s/return 200[^;]*;/return 404;/r
--- request eval
[($::Manifest) x 3]
--- more_headers eval: main::basic('puller')
--- error_code eval
[404, 404, 429]
--- response_body_like eval
['other', 'other', 'TOOMANYREQUESTS']
--- response_headers eval
['X-Limit: passed|', 'X-Limit: passed|', 'ratelimit-remaining: 0;w=2592000']


=== TEST 23: a page of error_page is what the operator wants
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/30d;
    error_page 429 /later.txt;
    proxy_pass http://backend;
}
location = /later.txt {
    registry on;
    registry_auth off;
}
--- user_files
>>> later.txt
come again
--- request eval
[$::Manifest, $::Manifest]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 429]
--- response_body eval
["$::Manifest []\n", "come again\n"]


=== TEST 24: a subrequest is charged nothing
--- config
location /v2/ {
    registry on;
    registry_limit calls count=request per=address rate=2/30d;
    mirror /copy;
    proxy_pass http://backend;
}
location = /copy {
    internal;
    registry on;
    registry_auth off;
    registry_limit calls count=request per=address rate=2/30d;
    proxy_pass http://backend/copy;
}
--- request eval
[("GET /v2/") x 3]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 429]


=== TEST 25: under "satisfy any" what is malformed stays that, and uncharged
--- config
location /v2/ {
    satisfy any;
    allow all;
    registry on;
    registry_limit calls count=request per=address rate=1/30d;
    proxy_pass http://backend;
}
--- request eval
["GET /v2//", "GET /v2/", "GET /v2/"]
--- error_code eval
[400, 200, 429]


=== TEST 26: where the registry is off there are no limits
--- config
location / {
    registry_limit calls count=request per=address rate=1/30d;
    proxy_pass http://backend;
}
--- request eval
["GET /x", "GET /x"]
--- error_code eval
[200, 200]


=== TEST 27: a limit does not need a key
--- config eval
main::location('calls count=request per=address rate=1/30d')
    =~ s/registry on;/registry on; registry_auth off;/r
--- request eval
["GET /v2/", "GET /v2/"]
--- error_code eval
[200, 429]
--- response_headers eval
["X-Decision: |", "X-Decision: limit|rate"]


=== TEST 28: in the access log
--- config
location /v2/ {
    registry on;
    registry_limit pulls count=pull per=key rate=1/30d;
    access_log $TEST_NGINX_SERVER_ROOT/logs/access.log limits;
    proxy_pass http://backend;
}
--- http_config eval
$::HttpConfig . "log_format limits 'limits: \$status \$registry_decision "
    . "\$registry_reason \$registry_limit_status \$registry_limit_name';\n"
--- pipelined_requests eval
["GET /v2/", $::Manifest, $::Manifest]
--- more_headers eval: main::basic('puller')
--- error_code eval
[200, 200, 429]
--- access_log eval
["limits: 200 allow granted - -", "limits: 200 allow granted passed -",
 "limits: 429 limit rate refused pulls"]
