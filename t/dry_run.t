# registry_auth dry_run decides and logs, and changes nothing.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;

our $DryRun = <<'END';
    location / {
        registry on;
        registry_auth dry_run;
        add_header X-Decision "$registry_decision $registry_reason" always;
        add_header X-Who "[$registry_tenant/$registry_key_id]" always;
        proxy_pass http://backend;
    }
END

no_root_location();
run_tests();

__DATA__

=== TEST 1: what would be denied passes, and is noted
--- config eval: $::DryRun
--- request eval
["GET /v2/", "GET /v2/acme/app/manifests/1", "PUT /v2/acme/app/manifests/1"]
--- more_headers eval
['', main::basic('ghost'), main::basic('puller')]
--- error_code eval
[200, 200, 200]
--- response_headers eval
["X-Decision: deny no_credentials\nX-Who: [/]\n!WWW-Authenticate",
 "X-Decision: deny unknown_key\nX-Who: [/]",
 "X-Decision: deny scope\nX-Who: [acme/puller000000]"]
--- response_body_like eval
["GET /v2/ \\[\\]", "GET /v2/acme/app/manifests/1 \\[Basic ",
 "PUT /v2/acme/app/manifests/1 \\[Basic "]


=== TEST 2: what would be allowed, too
--- config eval: $::DryRun
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- response_headers
X-Decision: allow granted
X-Who: [acme/puller000000]


=== TEST 3: the log tells a dry run from a refusal
--- config eval: $::DryRun
--- request
PUT /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- error_log
would be denied: reason scope, key "puller000000", operation push
--- no_error_log
registry: denied


=== TEST 4: targets, queries and bodies are not refused either
--- config eval: $::DryRun
--- request eval
["GET /v2//acme/app/manifests/1", "GET /v2/acme%2Fapp/manifests/1",
 "BREW /v2/acme/app/manifests/1", "GET /nowhere",
 "GET /v2/_catalog?n=100000",
 "POST /v2/acme/app/blobs/uploads/?mount=$::Digest&from=rival/app",
 "POST /v2/acme/app/blobs/uploads/\na=b"]
--- more_headers eval
[(main::basic('puller')) x 6,
 main::basic('puller') . "\nContent-Type: application/x-www-form-urlencoded"]
--- error_code eval
[(200) x 7]
--- response_headers eval
["X-Decision: deny not_canonical", "X-Decision: deny not_canonical",
 "X-Decision: deny method", "X-Decision: deny no_route",
 "X-Decision: deny scope", "X-Decision: deny scope",
 "X-Decision: deny form"]
--- response_body_like eval
["GET /v2//acme/app/manifests/1 \\[Basic",
 "GET /v2/acme%2Fapp/manifests/1 \\[Basic",
 "BREW /v2/acme/app/manifests/1 \\[Basic", "GET /nowhere \\[Basic",
 "GET /v2/_catalog\\?n=100000 \\[Basic",
 "POST /v2/acme/app/blobs/uploads/\\?mount=$::Digest&from=rival/app \\[Basic",
 "POST /v2/acme/app/blobs/uploads/ \\[Basic"]


=== TEST 5: access rules of nginx stay in force
--- config
location /v2/ {
    deny all;
    registry on;
    registry_auth dry_run;
    proxy_pass http://backend;
}
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 403
--- no_access_log
backend:


=== TEST 6: under "satisfy any" a dry run satisfies nobody
--- config
location /v2/ {
    satisfy any;
    deny all;
    registry on;
    registry_auth dry_run;
    proxy_pass http://backend;
}
--- request
GET /v2/acme/app/manifests/1
--- more_headers eval: main::basic('puller')
--- error_code: 403
--- no_access_log
backend:
