# An edge serves what the gateway has signed, and nothing else.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;
use Registry::TestOffload;

use Digest::SHA ();

# A signed query, made here from the description in src/offload/reg_sign_hmac.c.

sub signed {
    my (%with) = @_;

    my $secret = $with{secret} // $Key =~ s/\n//r;
    my $query  = join '&', $with{query} // (),
        'reg_expires=' . ($with{expires} // time + 600),
        'reg_tenant=' . ($with{tenant} // 'acme'),
        'reg_repository=' . ($with{repository} // 'acme/app');

    my $mac = Digest::SHA::hmac_sha256_base64(
        join("\n", 'reg1', $with{method} // 'GET', $with{host} // 'e.example',
             $with{path} // '/blobs/1', $query), $secret);

    return ($with{path} // '/blobs/1') . "?$query&reg_signature="
           . $mac =~ tr{+/}{-_}r;
}

our $Edge = $HttpConfig . <<'END';
    registry_cdn edge {
        url   http://E.example/$registry_repository;
        sign  hmac key_file=$TEST_NGINX_HTML_DIR/cdn.key;
    }
END

our $Location = <<'END';
    location /blobs/ {
        registry_verify_url edge;
        add_header X-Who
            "$registry_tenant $registry_repository $registry_route" always;
        proxy_set_header X-Query $args;
        proxy_pass http://backend;
    }
END

our $Refused = denied('the URL is not signed, or has expired');

run_tests();

__DATA__

=== TEST 1: what is signed is served, without its signature
--- http_config eval: $::Edge
--- config eval: $::Location
--- request eval
['GET ' . main::signed(), 'GET ' . main::signed(query => 'a=b&c'),
 'GET ' . main::signed(query => 'a=b') . '&Expires=1&x=y',
 'GET ' . main::signed(tenant => 'rival', repository => 'rival/lib')]
--- response_headers eval
[("X-Who: acme acme/app edge") x 3, "X-Who: rival rival/lib edge"]
--- response_body eval
["GET /blobs/1 []\n", "GET /blobs/1?a=b&c []\n", "GET /blobs/1?a=b []\n",
 "GET /blobs/1 []\n"]


=== TEST 2: all else is 403, and asks for no credentials
--- http_config eval: $::Edge
--- config eval: $::Location
--- request eval
['GET /blobs/1', 'GET /blobs/1?x', 'GET ' . main::signed(expires => time - 1),
 'GET ' . main::signed(host => 'other.example'),
 'GET ' . main::signed(secret => 'another secret, long enough'),
 'GET ' . main::signed(method => 'HEAD'),
 'GET ' . main::signed() =~ s{/blobs/1}{/blobs/2}r,
 'GET ' . main::signed() =~ s{reg_tenant=acme}{reg_tenant=rival}r,
 'GET ' . main::signed() =~ s{acme/app}{acme/other}r,
 'GET ' . main::signed() =~ s{\?}{?x=y&}r,
 'GET ' . main::signed() =~ s{.\z}{}r,
 'GET ' . main::signed() =~ s{\z}{A}r,
 'GET ' . main::signed() =~ s{/blobs/1}{/blobs/./1}r,
 'GET ' . main::signed() =~ s{/blobs/1}{/blobs/%31}r,
 'GET ' . main::signed() =~ s{/blobs/1}{//blobs/1}r,
 'POST ' . main::signed(), 'DELETE ' . main::signed()]
--- error_code eval
[(403) x 17]
--- response_headers eval
[("Content-Type: application/json\n!WWW-Authenticate\n!X-Backend") x 17]
--- response_body eval
[($::Refused) x 17]
--- no_access_log
backend:


=== TEST 3: a signature for GET does for nothing but GET
--- http_config eval: $::Edge
--- config eval: $::Location
--- request eval: 'HEAD ' . main::signed()
--- error_code: 403
--- no_access_log
backend:


=== TEST 4: credentials that a client sends by mistake go no further
--- http_config eval: $::Edge
--- config eval: $::Location
--- request eval: 'GET ' . main::signed()
--- more_headers eval: main::basic('puller')
--- response_body
GET /blobs/1 []


=== TEST 5: a challenge of the storage is no client's
--- http_config eval
$::Edge . <<'END'
server {
    listen unix:$TEST_NGINX_HTML_DIR/picky.sock;
    location / {
        add_header WWW-Authenticate 'Basic realm="storage"' always;
        return 401;
    }
}
END
--- config
location /blobs/ {
    registry_verify_url edge;
    proxy_pass http://unix:$TEST_NGINX_HTML_DIR/picky.sock;
}
--- request eval: 'GET ' . main::signed()
--- error_code: 502
--- response_headers
!WWW-Authenticate


=== TEST 6: the log says why
--- http_config eval: $::Edge
--- config eval: $::Location
--- request eval: 'GET ' . main::signed(expires => time - 1)
--- error_code: 403
--- error_log
denied: reason signature, cdn "edge": it has expired


=== TEST 7: files, ranges, and a location in a location
--- http_config eval: $::Edge
--- config
registry_verify_url edge;
location /blobs/ {
    root $TEST_NGINX_HTML_DIR;
}
location /open/ {
    registry_verify_url off;
    return 200 "open";
}
--- user_files
>>> blobs/1
0123456789
--- request eval
['GET ' . main::signed(), 'GET ' . main::signed(), 'GET /blobs/1', 'GET /open/']
--- more_headers eval
['', 'Range: bytes=2-4', '', '']
--- error_code eval
[200, 206, 403, 200]
--- response_body_like eval
['^0123456789$', '^234$', 'DENIED', '^open$']


=== TEST 8: an internal redirect of what was good needs no second signature
--- http_config eval: $::Edge
--- config
location /blobs/ {
    registry_verify_url edge;
    error_page 404 = @second;
    root $TEST_NGINX_HTML_DIR/none;
}
location @second {
    registry_verify_url edge;
    proxy_pass http://backend;
}
--- request eval
['GET ' . main::signed(), 'GET /blobs/1']
--- error_code eval
[200, 403]


=== TEST 9: a cdn that is not signed with hmac
--- http_config
registry_cdn edge {
    url   http://e.example/;
    sign  secure_link key_file=$TEST_NGINX_HTML_DIR/cdn.key;
}
--- config
location / { registry_verify_url edge; }
--- must_die
--- error_log
the cdn "edge" in "registry_verify_url" has no "sign hmac"


=== TEST 10: HTTP/2
--- http2
--- http_config eval: $::Edge
--- config eval: $::Location
--- request eval
['GET ' . main::signed(), 'GET ' . main::signed(expires => time - 1)]
--- error_code eval
[200, 403]


=== TEST 11: what a cache keeps is what was signed for
--- http_config eval: $::Edge
--- config
location /blobs/ {
    registry_verify_url edge;
    add_header X-Key "$registry_cache_key|";
    proxy_pass http://backend;
}
--- request eval
['GET ' . main::signed(), 'GET ' . main::signed(path => '/blobs/2'),
 'GET ' . main::signed(query => 'a=b') . '&x=y']
--- response_headers eval
['X-Key: signed GET /blobs/1|', 'X-Key: signed GET /blobs/2|',
 'X-Key: signed GET /blobs/1?a=b|']
