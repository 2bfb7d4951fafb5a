# A digest that is known from elsewhere opens nothing, whoever asks for it, in
# whatever way, and wherever blobs come from: each way by each who.

use FindBin;
BEGIN { push @INC, "$FindBin::Bin/lib" }

use Test::Nginx::Socket 'no_plan';
use Registry::TestGateway;
use Registry::TestOffload;

# The backend with an ETag, as Distribution has it, so that there is a 304.

our $Http = $OffloadConfig . <<'END';
    proxy_cache_path $TEST_NGINX_HTML_DIR/cache keys_zone=blobs:1m;
END

$Http =~ s/(return 200 \$blob;)/add_header ETag '"$There"'; $1/;

our $Cache = <<'END';
    proxy_cache blobs;
    proxy_cache_key $registry_cache_key;
    proxy_cache_valid any 1h;
    proxy_cache_convert_head off;
    proxy_cache_bypass $registry_cache_bypass;
    proxy_no_cache $registry_cache_bypass;
END

our $Public = 'registry_anonymous tenant=public repository:public/**:pull;';

our %Roads = (
    origin   => offload('origin', $Public),
    redirect => offload('cdn', $Public),
    cache    => offload('origin', "$Public registry_proof on; $Cache"),
    location => offload('@blobs', $Public)
                . "location \@blobs { $Cache proxy_pass http://blobs; }",
);

# Who has it, so that all that can be remembered is: the proof, the cache.

our @Warm = (["GET /v2/acme/app/blobs/$There", 'puller'],
             ["GET /v2/rival/lib/blobs/$Elsewhere", 'rival']);

our @Targets = (
    [404, 'puller', "acme/none/blobs/$There"],
    [404, 'puller', "acme/app/blobs/$Elsewhere"],
    [404, 'rival',  "rival/lib/blobs/$There"],
    [404, '',       "public/app/blobs/$There"],
    [403, 'puller', "rival/lib/blobs/$Elsewhere"],
    [403, 'rival',  "acme/app/blobs/$There"],
    [401, 'ghost',  "acme/app/blobs/$There"],
    [401, '',       "acme/app/blobs/$There"],
);

our @Ways = (
    ['GET'],
    ['HEAD'],
    ['GET',  '', 'Range: bytes=0-3'],
    ['GET',  '', 'Range: bytes=-1'],
    ['GET',  '', "If-None-Match: \"$There\""],
    ['GET',  '', 'If-None-Match: *'],
    ['HEAD', '', "If-None-Match: \"$There\""],
    ['GET',  '', 'If-Modified-Since: Fri, 31 Dec 2100 00:00:00 GMT'],
    ['GET',  '', "Range: bytes=0-3\nIf-Range: \"$There\""],
    ['GET',  '?ns=docker.io'],
    ['GET',  '?x=/v2/acme/app/blobs/' . $There],
);

our (@Requests, @Headers, @Codes, @Bodies, @Answers);

for my $warm (@Warm) {
    push @Requests, $warm->[0];
    push @Headers, basic($warm->[1]);
}

for my $target (@Targets) {
    my ($code, $who, $path) = @$target;

    for my $way (@Ways) {
        my ($method, $query, $header) = @$way;

        push @Requests, "$method /v2/$path" . ($query // '');
        push @Headers, join "\n", grep { $_ } $who && basic($who), $header;
        push @Codes, $code;
        push @Bodies, $method eq 'HEAD' ? '^\z' : '^\{"errors":';
        push @Answers, '!Location';
    }
}

# who has it gets it to the last, however

push @Requests, ("GET /v2/acme/app/blobs/$There") x 2;
push @Headers, basic('puller'),
     basic('puller') . "\nIf-None-Match: \"$There\"";

# What is answered to who has it, before all others and behind them; to those
# nobody ever sends a Location, or what is in the blob.

sub expect {
    my ($there, $conditional) = @_;

    return [($there) x @Warm, @Codes, $there, $conditional];
}

our @Location = (('') x @Warm, @Answers, '', '');
our @Body     = (('') x @Warm, @Bodies, '', '');

run_tests();

__DATA__

=== TEST 1: the origin
--- http_config eval: $::Http
--- config eval: $::Roads{origin}
--- request eval: [@::Requests]
--- more_headers eval: [@::Headers]
--- error_code eval: main::expect(200, 200)
--- response_headers eval: [@::Location]
--- response_body_like eval: [@::Body]


=== TEST 2: a CDN
--- http_config eval: $::Http
--- config eval: $::Roads{redirect}
--- request eval: [@::Requests]
--- more_headers eval: [@::Headers]
--- error_code eval: main::expect(307, 307)
--- response_headers eval: [@::Location]
--- response_body_like eval: [@::Body]


=== TEST 3: a cache on the way
--- http_config eval: $::Http
--- config eval: $::Roads{cache}
--- request eval: [@::Requests]
--- more_headers eval: [@::Headers]
--- error_code eval: main::expect(200, 304)
--- response_headers eval: [@::Location]
--- response_body_like eval: [@::Body]


=== TEST 4: a cache in a location
--- http_config eval: $::Http
--- config eval: $::Roads{location}
--- request eval: [@::Requests]
--- more_headers eval: [@::Headers]
--- error_code eval: main::expect(200, 304)
--- response_headers eval: [@::Location]
--- response_body_like eval: [@::Body]


=== TEST 5: the origin, over HTTP/2
--- http2
--- http_config eval: $::Http
--- config eval: $::Roads{origin}
--- request eval: [@::Requests]
--- more_headers eval: [@::Headers]
--- error_code eval: main::expect(200, 200)
--- response_headers eval: [@::Location]
--- response_body_like eval: [@::Body]


=== TEST 6: a CDN, over HTTP/2
--- http2
--- http_config eval: $::Http
--- config eval: $::Roads{redirect}
--- request eval: [@::Requests]
--- more_headers eval: [@::Headers]
--- error_code eval: main::expect(307, 307)
--- response_headers eval: [@::Location]
--- response_body_like eval: [@::Body]


=== TEST 7: a cache on the way, over HTTP/2
--- http2
--- http_config eval: $::Http
--- config eval: $::Roads{cache}
--- request eval: [@::Requests]
--- more_headers eval: [@::Headers]
--- error_code eval: main::expect(200, 304)
--- response_headers eval: [@::Location]
--- response_body_like eval: [@::Body]


=== TEST 8: a cache in a location, over HTTP/2
--- http2
--- http_config eval: $::Http
--- config eval: $::Roads{location}
--- request eval: [@::Requests]
--- more_headers eval: [@::Headers]
--- error_code eval: main::expect(200, 304)
--- response_headers eval: [@::Location]
--- response_body_like eval: [@::Body]
