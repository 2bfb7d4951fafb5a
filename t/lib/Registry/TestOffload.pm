package Registry::TestOffload;

# Copyright (C) ngx_http_registry_module authors
#
# What tests of blob offload share: a backend that has two blobs, and says what
# it was asked for to the log, and a gateway that sends them elsewhere.
#
#     $There      in acme/app, $Body is what it holds
#     $Elsewhere  in rival/lib only
#     $Nowhere    in no repository
#
#     backend: HEAD /v2/acme/app/blobs/sha256:... len=- range=- ...

use strict;
use warnings;

use Digest::SHA ();
use Exporter qw( import );
use Registry::TestGateway;

our @EXPORT = qw( $Body $Cdn $Elsewhere $Files $Key $Nowhere $OffloadConfig
                  $Signed $There offload );

our $Body      = "the blob of acme/app\n";
our $There     = 'sha256:' . Digest::SHA::sha256_hex($Body);
our $Elsewhere = 'sha256:' . Digest::SHA::sha256_hex("of rival/lib\n");
our $Nowhere   = 'sha256:' . 'ef' x 32;

our $Key = "a secret that nobody guesses\n";

# the files that $Cdn needs
our $Files = ">>> cdn.key\n$Key";

our $Signed = "https://cdn\\.example\\.com/acme/app/$There"
              . '\?reg_expires=\d{10}&reg_tenant=acme&reg_repository=acme/app'
              . '&reg_signature=[A-Za-z0-9_-]{43}';

our $Cdn = <<'END';
    registry_cdn cdn {
        url   https://cdn.example.com/$registry_repository/$registry_digest;
        sign  hmac key_file=$TEST_NGINX_HTML_DIR/cdn.key;
    }
END


our $Backend = <<"END";
    map_hash_bucket_size 256;

    log_format blobs 'backend: \$request_method \$request_uri '
                     'len=\$http_content_length range=\$http_range '
                     'te=\$http_transfer_encoding expect=\$http_expect '
                     'inm=\$http_if_none_match cookie=\$http_cookie '
                     'auth=\$http_authorization agent=\$http_user_agent';

    map \$uri \$blob {
        /v2/acme/app/blobs/$There       'the blob of acme/app\n';
        /v2/acme/copy/blobs/$There      'the blob of acme/app\n';
        /v2/rival/lib/blobs/$Elsewhere  'of rival/lib\n';
    }

    upstream blobs {
        server unix:\$TEST_NGINX_HTML_DIR/blobs.sock;
        keepalive 4;
    }

    server {
        listen unix:\$TEST_NGINX_HTML_DIR/blobs.sock;
        access_log \$TEST_NGINX_SERVER_ROOT/logs/access.log blobs;
        default_type application/octet-stream;

        location / {
            if (\$blob = '') {
                return 404 '{"errors":[{"code":"BLOB_UNKNOWN"}]}\n';
            }
            if (\$request_method = DELETE) {
                return 202;
            }
            return 200 \$blob;
        }
    }
END

our $OffloadConfig = $HttpConfig . $Backend . $Cdn;


# A gateway whose blobs go to a route; with more in its location.

sub offload {
    my ($route, $more) = @_;

    $more //= '';

    return <<"END";
    location /v2/ {
        registry on;
        registry_blob_route $route;
        add_header X-Route "\$registry_route/\$registry_blob_size" always;
        proxy_http_version 1.1;
        proxy_set_header Connection "";
        $more
        proxy_pass http://blobs;
    }
END
}


main::add_block_preprocessor(sub {
    my ($block) = @_;

    my $files = $block->user_files // '';

    $block->set_value('user_files', $files . $Files) if $files !~ /cdn\.key/;
});

1;
