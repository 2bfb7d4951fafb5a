# Configurations that nginx refuses, or takes with a warning: each with file,
# line and a sentence that says what would be right.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

# The sentence, and that it ends with the place.

sub said {
    my ($sentence) = @_;

    return qr{\[emerg\] .*\Q$sentence\E.* in \S+/conf/nginx\.conf:\d+$};
}

sub warned {
    my ($sentence) = @_;

    return qr{\[warn\] .*\Q$sentence\E.* in \S+/conf/nginx\.conf:\d+$};
}

# A guarded location with more in it.

sub location {
    my ($more) = @_;

    return "location /v2/ { registry on; $more proxy_pass http://backend; }";
}

run_tests();

__DATA__

=== TEST 1: registry, no such value
--- config
location /v2/ { registry maybe; }
--- must_die
--- error_log eval
main::said('invalid value "maybe" in "registry", it must be "on", "off" or '
           . '"api <scope>"')


=== TEST 2: registry, twice
--- config
location /v2/ { registry on; registry off; }
--- must_die
--- error_log eval
main::said('"registry" directive is duplicate')


=== TEST 3: registry on, with something behind it
--- config
location /v2/ { registry on api:chat:invoke; }
--- must_die
--- error_log eval
main::said('in "registry", it must be "on", "off" or "api <scope>"')


=== TEST 4: registry api, without a scope
--- config
location /v2/ { registry api; }
--- must_die
--- error_log eval
main::said('"api <scope>"')


=== TEST 5: registry api, with a pattern
--- config
location /v2/ { registry api api:*:invoke; }
--- must_die
--- error_log eval
main::said('invalid scope "api:*:invoke" in "registry api": "*" is no name of '
           . 'one api')


=== TEST 6: registry api, with every action
--- config
location /v2/ { registry api api:chat:*; }
--- must_die
--- error_log eval
main::said('invalid scope "api:chat:*" in "registry api": "*" is no single '
           . 'action')


=== TEST 7: registry api, with the scope of a repository
--- config
location /v2/ { registry api repository:acme/app:pull; }
--- must_die
--- error_log eval
main::said('is no scope of an api, such as "api:chat:invoke"')


=== TEST 8: no store
--- http_config
upstream backend { server 127.0.0.1:1; }
--- config eval: main::location('')
--- must_die
--- error_log eval
main::said('"registry" needs "registry_store" in the http block')


=== TEST 9: none is needed where all is open
--- http_config
upstream backend { server 127.0.0.1:1; }
--- config eval: main::location('registry_auth off;')
--- request
GET /index.html
--- response_body_like: It works


=== TEST 10: a store of no known kind
--- http_config
registry_store /etc/keys.json;
--- config
--- must_die
--- error_log eval
main::said('invalid store "/etc/keys.json": a store begins with file:, '
           . 'redis://, rediss://, redis+unix:, redis+sentinel://, '
           . 'rediss+sentinel://, redis+cluster:// or rediss+cluster://')


=== TEST 11: a store without a path
--- http_config
registry_store file:;
--- config
--- must_die
--- error_log eval
main::said('invalid store "file:"')


=== TEST 12: two stores
--- http_config
registry_store file:$TEST_NGINX_HTML_DIR/store.json;
registry_store file:$TEST_NGINX_HTML_DIR/store.json;
--- config
--- must_die
--- error_log eval
main::said('"registry_store" directive is duplicate')


=== TEST 13: a store in a server
--- config
registry_store file:$TEST_NGINX_HTML_DIR/store.json;
--- must_die
--- error_log eval
main::said('"registry_store" directive is not allowed here')


=== TEST 14: a store that is a directory
--- http_config
registry_store file:$TEST_NGINX_HTML_DIR;
--- config
--- must_die
--- error_log
is no file or larger than 256 MiB


=== TEST 15: registry_auth, no such value
--- config eval: main::location('registry_auth optional;')
--- must_die
--- error_log eval
main::said('invalid value "optional"')


=== TEST 16: registry_backend_auth, no such value
--- config eval: main::location('registry_backend_auth digest;')
--- must_die
--- error_log eval
main::said('invalid value "digest" in "registry_backend_auth", it must be '
           . '"off", "passthrough", "basic <file>" or "token"')


=== TEST 17: registry_backend_auth basic, without a file
--- config eval: main::location('registry_backend_auth basic;')
--- must_die
--- error_log eval
main::said('"basic <file>"')


=== TEST 18: and with one that is not there
--- config eval
main::location('registry_backend_auth basic /nonexistent/secret;')
--- must_die
--- error_log eval
qr{\[emerg\] .*cannot open "/nonexistent/secret".*No such file}


=== TEST 19: and with one that holds something else
--- config eval
main::location('registry_backend_auth basic '
               . '$TEST_NGINX_HTML_DIR/index.html;')
--- user_files
>>> index.html
no colon
--- must_die
--- error_log eval
qr{\[emerg\] .*index\.html" cannot be used: it must hold one line, "user:}


=== TEST 20: registry_challenge, no such value
--- config eval: main::location('registry_challenge digest;')
--- must_die
--- error_log eval
main::said('invalid challenge "digest" in "registry_challenge", it must be '
           . '"auto", "bearer" or "basic"')


=== TEST 21: registry_challenge, no such parameter
--- config eval: main::location('registry_challenge basic relam=x;')
--- must_die
--- error_log eval
main::said('invalid parameter "relam=x" in "registry_challenge", it must be '
           . '"realm=" or "service="')


=== TEST 22: registry_challenge bearer, without the address of a token service
--- config eval: main::location('registry_challenge bearer service=x;')
--- must_die
--- error_log eval
main::said('"registry_challenge bearer" needs the address of a token endpoint, '
           . '"realm=https://..."')


=== TEST 23: a realm that would break the header
--- config eval
main::location(q{registry_challenge basic 'realm=a"b';})
--- must_die
--- error_log eval
main::said('a quote, a backslash or a byte that is not printable in '
           . '"realm=a"b"')


=== TEST 24: registry_anonymous, no scope
--- config eval: main::location('registry_anonymous tenant=acme;')
--- must_die
--- error_log eval
main::said('"registry_anonymous" needs a scope such as '
           . '"repository:public/**:pull"')


=== TEST 25: registry_anonymous, a scope that is none
--- config eval: main::location('registry_anonymous public/**;')
--- must_die
--- error_log eval
main::said('"public/**" is no scope; one reads type:pattern:actions')


=== TEST 26: registry_anonymous, an action that is none
--- config eval: main::location('registry_anonymous repository:x:fetch;')
--- must_die
--- error_log eval
main::said('unknown action "fetch"; a repository takes pull, push, delete or *')


=== TEST 27: registry_anonymous, an expression that is none
--- config eval: main::location(q{registry_anonymous "repository:~(a:pull";})
--- must_die
--- error_log eval
main::said('registry_anonymous: ')


=== TEST 28: registry_anonymous, a tenant that cannot be one
--- config eval
main::location('registry_anonymous tenant=No_Tenant repository:x:pull;')
--- must_die
--- error_log eval
main::said('invalid tenant in "tenant=No_Tenant", it must match '
           . '[a-z0-9][a-z0-9._-]{0,62}')


=== TEST 29: registry_anonymous, {tenant} without one
--- config eval
main::location('registry_anonymous "repository:{tenant}/**:pull";')
--- must_die
--- error_log eval
main::said('registry_anonymous')


=== TEST 30: two peppers
--- http_config eval
"registry_pepper_file \$TEST_NGINX_HTML_DIR/pepper;\n" x 2
--- user_files
>>> pepper
a pepper of some length
--- config
--- must_die
--- error_log eval
main::said('"registry_pepper_file" directive is duplicate')


=== TEST 31: "return" would answer before anybody is asked
--- config eval: main::location('return 200 "hello";')
--- request
GET /v2/
--- error_log eval
main::warned('"return" in "/v2/" answers before the registry asks for a key; '
             . 'say "registry off" there')


=== TEST 32: a redirect as well
--- config eval: main::location('return 302 https://example.org/;')
--- request
GET /v2/
--- error_code: 302
--- error_log eval: main::warned('"return" in "/v2/"')


=== TEST 33: in an "if", too
--- config eval: main::location('if ($arg_a) { return 200 "hello"; }')
--- request
GET /v2/
--- error_code: 401
--- error_log eval: main::warned('"return" in ')


=== TEST 34: inherited from the server
--- config
registry on;
location /health { return 200 "up\n"; }
--- request
GET /health
--- response_body
up
--- error_log eval: main::warned('"return" in "/health"')


=== TEST 35: in the server itself
--- config
registry on;
return 200 "up\n";
--- request
GET /health
--- response_body
up
--- error_log eval: main::warned('"return" in ')


=== TEST 36: a refusal by "return" is none of it
--- config eval: main::location('if ($arg_a) { return 403; }')
--- request
GET /v2/
--- error_code: 401
--- no_error_log
[warn]


=== TEST 37: nor one where the registry is off
--- config
location /v2/ { registry on; proxy_pass http://backend; }
location /health { registry off; return 200 "up\n"; }
location /other { return 200 "up\n"; }
--- request
GET /health
--- response_body
up
--- no_error_log
[warn]


=== TEST 38: "rewrite" sends the backend another path
--- config eval: main::location('rewrite ^/v2/(.*)$ /v2/x/$1 break;')
--- request
GET /v2/
--- error_code: 401
--- error_log eval
main::warned('"rewrite" in "/v2/" sends the backend another path than the one '
             . 'that the registry authorises')


=== TEST 39: "set" and conditions do not
--- config eval
main::location('set $a $registry_repository; if ($a ~ x) { set $b $1; }')
--- request
GET /v2/
--- error_code: 401
--- no_error_log
[warn]


=== TEST 40: in the http block it guards every server and location
--- http_config eval
"registry on;\n$::HttpConfig"
--- config
location /v2/ { proxy_pass http://backend; }
--- request eval
["GET /v2/acme/app/manifests/1", "GET /v2/acme/app/manifests/1",
 "GET /index.html"]
--- more_headers eval
['', main::basic('puller'), main::basic('admin')]
--- error_code eval
[401, 200, 404]


=== TEST 41: and "registry_auth off" beside it opens all, as it says
--- http_config eval
"registry on;\nregistry_auth off;\n$::HttpConfig"
--- config
location /v2/ { proxy_pass http://backend; }
location /v2/acme/closed/ {
    registry_auth on;
    proxy_pass http://backend;
}
--- request eval
["GET /v2/acme/app/manifests/1", "GET /v2/acme/closed/manifests/1"]
--- error_code eval
[200, 401]


=== TEST 42: registry_auth where there is no registry
--- config
location /v2/ { registry_auth on; proxy_pass http://backend; }
location /dry/ { registry_auth dry_run; proxy_pass http://backend; }
--- request
GET /v2/acme/app/manifests/1
--- error_log eval
[map { main::warned(qq("registry_auth" does nothing in "$_" without "registry )
                    . 'on": it is open') } '/v2/', '/dry/']


=== TEST 43: not where it is off, or is there for the locations below
--- config
registry_auth on;
location /v2/ { registry on; proxy_pass http://backend; }
location /open/ { registry_auth off; proxy_pass http://backend; }
location /other/ { proxy_pass http://backend; }
--- request
GET /open/
--- no_error_log
[warn]


=== TEST 44: "return" in a server whose locations are guarded
--- config
if ($arg_a) { return 200 "up\n"; }
location /v2/ { registry on; proxy_pass http://backend; }
--- request
GET /v2/?a=1
--- response_body
up
--- error_log eval
main::warned('"return" in "server" answers before the registry asks for a key; '
             . 'say "registry off" there')


=== TEST 45: a redirect to https is none of it
--- config
if ($arg_a) { return 301 https://$host$request_uri; }
location /v2/ { registry on; proxy_pass http://backend; }
--- request
GET /v2/
--- error_code: 401
--- no_error_log
[warn]


=== TEST 46: files that cannot be used, and the line that names them
--- http_config
registry_pepper_file /nonexistent/pepper;
--- config
--- must_die
--- error_log eval
[qr{\[emerg\] .*registry: cannot open "/nonexistent/pepper" \(2: },
 main::said('"registry_pepper_file" directive names a file that cannot be used, '
            . 'see above,')]


=== TEST 47: a password
--- config eval
main::location('registry_backend_auth basic /nonexistent/secret;')
--- must_die
--- error_log eval
[qr{\[emerg\] .*registry: cannot open "/nonexistent/secret" \(2: },
 main::said('"registry_backend_auth" directive names a file that cannot be '
            . 'used, see above,')]


=== TEST 48: a store
--- http_config
registry_store file:/nonexistent/store.json;
--- config
--- must_die
--- error_log eval
[qr{\[emerg\] .*cannot open "/nonexistent/store\.json"},
 main::said('"registry_store" directive names a file that cannot be used, see '
            . 'above,')]


=== TEST 49: a store with something wrong in it
--- http_config
registry_store file:$TEST_NGINX_HTML_DIR/store.json;
--- config
--- user_files
>>> store.json
{"version": 1, "keyz": {}}
--- must_die
--- error_log eval
[qr{\[emerg\] .*store\.json" line 1: unknown section "keyz"},
 main::said('"registry_store" directive names a file that cannot be used, see '
            . 'above,')]


=== TEST 50: registry_challenge, a realm twice
--- config eval
main::location('registry_challenge basic realm=a realm=b;')
--- must_die
--- error_log eval
main::said('duplicate parameter "realm=b"')


=== TEST 51: a service twice
--- config eval
main::location('registry_challenge bearer service=b service=b;')
--- must_die
--- error_log eval
main::said('duplicate parameter "service=b"')


=== TEST 52: registry_anonymous, a tenant twice
--- config eval
main::location('registry_anonymous tenant=a tenant=$host repository:**:pull;')
--- must_die
--- error_log eval
main::said('duplicate parameter "tenant=$host"')


=== TEST 53: registry_challenge bearer, a realm that only begins like an address
--- config eval
main::location('registry_challenge bearer realm=httpx;')
--- must_die
--- error_log eval
main::said('"registry_challenge bearer" needs the address of a token endpoint, '
           . '"realm=https://..."')


=== TEST 54: one that is no address of the web
--- config eval
main::location('registry_challenge bearer realm=httpx://auth.example.org/;')
--- must_die
--- error_log eval
main::said('"registry_challenge bearer" needs the address of a token endpoint, '
           . '"realm=https://..."')
