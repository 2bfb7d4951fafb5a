package Registry::TestUpstream;

# Copyright (C) ngx_http_registry_module authors
#
# What tests of pull-through share: a registry with tokens, its realm and the
# host that it redirects blobs to, each of which says what it was asked to the
# log, and a gateway that pulls through it.
#
#     hub.test    wants "Bearer good" for a repository but open/*, where it
#                 wants nothing, and to/*, where it redirects to what @Places
#                 say; blobs are elsewhere; nobody may have library/secret, and
#                 wants/* ask for what @Wants say
#     auth.test   gives out "good", to whoever has $Basic or asks for library/*;
#                 for answers/* something else
#     cdn.test    has the blob $Blob, which it has for $Lies, too
#
#     hub: GET /v2/library/app/manifests/1 auth=[Bearer good] range=[-] ...

use strict;
use warnings;

use Digest::SHA ();
use Exporter qw( import );
use MIME::Base64 ();
use Registry::TestGateway;

our @EXPORT = qw( $Basic $Blob $BlobBody $Front $Lies $Servers $Upstream pull );

our $BlobBody = "a layer of the hub\n" x 8;
our $Blob     = 'sha256:' . Digest::SHA::sha256_hex($BlobBody);
our $Lies     = 'sha256:' . 'cd' x 32;
our $Basic    = 'Basic ' . MIME::Base64::encode_base64('robot:secret', '');

# Where the hub redirects to; and what it asks for.

our @Places = (
    other    => 'http://evil.test/',
    slashes  => '//evil.test/',
    user     => 'http://cdn.test@evil.test/',
    metadata => 'http://169.254.169.254/',
    port     => 'http://cdn.test:8080/',
    self     => 'http://hub.test/v2/open/app/manifests/1',
    scheme   => 'ftp://cdn.test/',
    loop     => 'http://cdn.test/loop',
    wants    => 'http://cdn.test/wants',
    missing  => 'http://cdn.test/missing',
    here     => '/v2/open/app/manifests/1'
);

our @Wants = (
    other   => 'Bearer realm=\"http://evil.test/token\",service=\"hub.test\"',
    basic   => 'Basic realm=\"hub\"',
    garbage => 'Bearer \"\"',
    scope   => 'Bearer realm=\"http://auth.test/token\",'
               . 'scope=\"repository:library/app:pull\"'
);

# Which page is next, where links/app is asked for the one after last=.

our $Links = '/v2/links/app/tags/list?last=b&n=2';
our @Links = (
    here    => "<$Links>; rel=\\\"next\\\"",
    whole   => "<http://hub.test$Links>; rel=\\\"next\\\"",
    evil    => "<http://evil.test$Links>; rel=\\\"next\\\"",
    slashes => "<//evil.test$Links>; rel=\\\"next\\\"",
    other   => '</v2/other/tags/list?last=b>; rel=\"next\"',
    longer  => '</v2/links/app/tags/list/../../x?last=b>; rel=\"next\"',
    two     => "<$Links>; rel=\\\"next\\\", <http://evil.test/>; rel=\\\"next\\\"",
    short   => '<'
);

sub map_of {
    my ($from, $to, @pairs) = @_;
    my $lines = '';

    while (my ($name, $value) = splice @pairs, 0, 2) {
        $lines .= qq(    "$name" "$value";\n);
    }

    return "map \$$from \$$to {\n$lines}\n";
}


our $Challenge = 'Bearer realm=\"http://auth.test/token\",service=\"hub.test\",'
                 . 'scope=\"repository:$name:pull\"';

our $Servers = map_of('to', 'place', @Places) . map_of('what', 'wanted', @Wants)
               . map_of('arg_last', 'next', @Links) . <<"END";
    log_format hub '\$host: \$request_method \$request_uri '
                   'auth=[\$http_authorization] range=[\$http_range] '
                   'cookie=[\$http_cookie] agent=[\$http_user_agent]';

    access_log off;

    upstream hub.test  { server unix:\$TEST_NGINX_HTML_DIR/hub.sock; }
    upstream auth.test { server unix:\$TEST_NGINX_HTML_DIR/auth.sock; }
    upstream cdn.test  { server unix:\$TEST_NGINX_HTML_DIR/cdn.sock; }
    upstream evil.test { server unix:\$TEST_NGINX_HTML_DIR/evil.sock; }

    map \$http_authorization \$may {
        'Bearer good'  1;
        default        '';
    }

    map \$uri \$name {
        '~^/v2/(?<n>.+)/(manifests|blobs|tags|referrers)/'  \$n;
    }

    server {
        listen unix:\$TEST_NGINX_HTML_DIR/hub.sock;
        server_name hub.test;
        access_log \$TEST_NGINX_SERVER_ROOT/logs/access.log hub;
        default_type application/vnd.oci.image.index.v1+json;
        set \$challenge "$Challenge";

        location / {
            if (\$may = '') {
                add_header WWW-Authenticate \$challenge always;
                return 401 '{"errors":[{"code":"UNAUTHORIZED"}]}';
            }
            add_header Set-Cookie "of=one";
            return 200 "\$request_method \$request_uri\\n";
        }

        location /v2/open/ {
            add_header X-Accel-Redirect /page;
            add_header X-Accel-Limit-Rate 1;
            return 200 "open accept=[\$http_accept]\\n";
        }

        location /v2/library/secret/ {
            add_header WWW-Authenticate \$challenge always;
            return 401;
        }

        location ~ ^/v2/to/(?<to>[a-z]+)/ {
            absolute_redirect off;
            return 302 \$place;
        }

        location ~ ^/v2/wants/(?<what>[a-z]+)/ {
            add_header WWW-Authenticate \$wanted always;
            return 401;
        }

        location /v2/library/twice/ {
            if (\$may = '') {
                add_header WWW-Authenticate 'Basic realm="hub"' always;
                add_header WWW-Authenticate \$challenge always;
                return 401;
            }
            return 200 "twice\\n";
        }

        location ~ ^/v2/links/ {
            add_header Link \$next;
            return 200 '{}';
        }

        location ~ /blobs/ {
            if (\$may = '') {
                add_header WWW-Authenticate \$challenge always;
                return 401;
            }
            return 307 http://cdn.test/data/\$uri?signature=1;
        }
    }

    server {
        listen unix:\$TEST_NGINX_HTML_DIR/auth.sock;
        server_name auth.test;
        access_log \$TEST_NGINX_SERVER_ROOT/logs/access.log hub;
        default_type application/json;

        location = /token {
            if (\$arg_scope ~ '^repository:(?<answer>answers/[a-z]+)') {
                rewrite ^ /\$answer.json last;
            }
            set \$ok "\$arg_scope \$http_authorization";
            if (\$ok !~ '^repository:library/|^repository:private/.* $Basic') {
                return 401;
            }
            return 200 '{"token":"good","expires_in":300}';
        }
        location /answers/ {
            root \$TEST_NGINX_HTML_DIR;
        }
    }

    server {
        listen unix:\$TEST_NGINX_HTML_DIR/cdn.sock;
        server_name cdn.test;
        access_log \$TEST_NGINX_SERVER_ROOT/logs/access.log hub;
        default_type application/octet-stream;

        location / {
            return 404 '<Error>NoSuchKey</Error>';
        }
        location = /loop {
            return 302 /loop;
        }
        location = /wants {
            add_header WWW-Authenticate 'Basic realm="cdn"' always;
            return 401;
        }
        location ~ ($Blob|$Lies)\$ {
            return 200 '$BlobBody';
        }
    }

    server {
        listen unix:\$TEST_NGINX_HTML_DIR/evil.sock;
        access_log \$TEST_NGINX_SERVER_ROOT/logs/access.log hub;
        return 200 evil;
    }
END

our $Upstream = $HttpConfig . $Servers . <<'END';
    registry_upstream hub {
        url      http://hub.test;
        realm    http://auth.test/token;
        follow   cdn.test;
        library  on;
    }
END


# A location that pulls through an upstream; with more in it.

sub pull {
    my ($upstream, $more) = @_;

    return <<"END" . ($more // '') . "    }\n";
    access_log off;

    location /v2/ {
        registry on;
        registry_auth off;
        registry_pull_through $upstream;
END
}

our $Front = pull('hub');

1;
