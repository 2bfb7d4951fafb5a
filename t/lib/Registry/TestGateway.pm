package Registry::TestGateway;

# Copyright (C) ngx_http_registry_module authors
#
# What most of t/*.t share: a store with the same few people, a backend that
# says and logs what reached it, and a gateway in front of it.
#
#     use Test::Nginx::Socket 'no_plan';
#     use Registry::TestGateway;
#
# A block without http_config, config or user_files gets $HttpConfig, $Config
# or $Store; request paths may use $Digest.

use strict;
use warnings;

use Exporter qw( import );
use Registry::TestKeys;

our @EXPORT = (@Registry::TestKeys::EXPORT,
               qw( $Config $Digest $HttpConfig $Store denied error_body
                   unauthorized ));

our $Digest = 'sha256:' . 'ab' x 32;


# acme is a tenant like others, frozen a suspended one; nobody knows "ghost"

our @Tenants = (
    tenant('acme', labels => { project => 'apollo', owner => 'ops team' }),
    tenant('frozen', suspended => JSON::PP::true()),
    tenant('rival')
);

our @Roles = (
    { version => 1, name => 'cleaner',
      scopes => ['repository:{tenant}/**:delete'] }
);

our @Keys = (
    key_record('puller', roles => ['image-puller']),
    key_record('pusher', roles => ['image-pusher']),
    key_record('cleaner', roles => ['cleaner']),
    key_record('admin', roles => ['registry-admin']),
    key_record('nothing'),
    key_record('rival', tenant => 'rival', roles => ['image-pusher'])
);

our $Store = store(keys => \@Keys, tenants => \@Tenants, roles => \@Roles);


# The backend says what it read, header by header and in full; that nothing
# reached it shows as no line "backend:" in the access log.  It is spoken to in
# HTTP/1.0, which stopped being the default in nginx 1.29.7.

our $HttpConfig = <<'END';
    proxy_http_version 1.0;
    registry_store file:$TEST_NGINX_HTML_DIR/store.json;

    log_format backend 'backend: $request auth=[$http_authorization]';

    upstream backend {
        server unix:$TEST_NGINX_HTML_DIR/backend.sock;
    }

    server {
        listen unix:$TEST_NGINX_HTML_DIR/backend.sock;
        registry off;
        access_log $TEST_NGINX_SERVER_ROOT/logs/access.log backend;
        add_header X-Backend reached always;

        location / {
            return 200 "$request_method $request_uri [$http_authorization]\n";
        }
    }
END

our $Config = <<'END';
    location /v2/ {
        registry on;
        add_header X-Reason $registry_reason always;
        proxy_pass http://backend;
    }
END


sub error_body {
    my ($code, $message) = @_;

    return qq({"errors":[{"code":"$code","message":"$message"}]}\n);
}


sub unauthorized {
    my ($message) = @_;

    return error_body('UNAUTHORIZED', $message // 'authentication required');
}


sub denied {
    my ($message) = @_;

    return error_body('DENIED', $message
                      // 'access to the requested resource is denied');
}


# Upstream's library says "http2 on" to versions of nginx that have it not yet,
# unless it takes them for older ones.

sub speak_old_http2 {
    no warnings 'once';

    $Test::Nginx::Util::NginxVersion = '1.019008'
        if ($Test::Nginx::Util::NginxVersion // 9) < 1.025001;
}


$ENV{TEST_NGINX_HTML_DIR} ||= main::html_dir();

main::no_long_string();
main::no_shuffle();

# nginx's debug log holds the request headers, and nobody reads it here
main::log_level('info');

main::add_block_preprocessor(sub {
    my ($block) = @_;

    speak_old_http2() if defined $block->http2;

    my %default = (http_config => $HttpConfig, config => $Config);

    for my $section (sort keys %default) {
        $block->set_value($section, $default{$section})
            if !defined $block->$section;
    }

    # a store that a block brings along is its own
    my $files = $block->user_files // '';

    $files =~ s/(?<!\n)\z/\n/ if !ref $files && $files ne '';

    $block->set_value('user_files', "$files>>> store.json\n$Store")
        if !ref $files && $files !~ /^>>> store\.json/m;
});

1;
