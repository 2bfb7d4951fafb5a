package Registry::TestTokens;

# Copyright (C) ngx_http_registry_module authors
#
# Tokens for tests, made with openssl and not by the code under test.  The key
# of a name is Ed25519 and made when it is first asked for:
#
#     pem('one')                     its private key, for a file
#     jwk('one')                     its public JWK
#     jwt('one', \%claims, %header)  a token; header members may be undef
#     claims("puller", ["repository:acme/app:pull"])
#                                    those of a token of the gateway

use strict;
use warnings;

use Digest::SHA ();
use Exporter qw( import );
use File::Temp ();
use JSON::PP ();
use MIME::Base64 qw( encode_base64url );

use Registry::TestKeys ();

our @EXPORT = qw( claims jwk jwt pem public_pem );

my $json = JSON::PP->new->canonical;
my $dir  = File::Temp->newdir;
my %made;


sub file {
    my ($name) = @_;

    my $file = "$dir/$name.pem";

    run('genpkey', '-algorithm', 'ed25519', '-out', $file) if !$made{$name}++;

    return $file;
}


sub run {
    open my $fh, '-|', 'openssl', @_ or die "openssl: $!\n";
    binmode $fh;

    my $output = do { local $/; <$fh> };

    close $fh or die "openssl @_ failed\n";

    return $output // '';
}


sub pem {
    my ($name) = @_;

    open my $fh, '<', file($name) or die "$!\n";

    return do { local $/; <$fh> };
}


sub public_pem {
    return run('pkey', '-in', file($_[0]), '-pubout');
}


sub jwk {
    my ($name) = @_;

    # an Ed25519 key is the end of its DER

    my $x = encode_base64url(substr run('pkey', '-in', file($name), '-pubout',
                                        '-outform', 'DER'), -32);
    my $kid = encode_base64url(Digest::SHA::sha256(
        qq({"crv":"Ed25519","kty":"OKP","x":"$x"})));

    return { crv => 'Ed25519', kty => 'OKP', x => $x, use => 'sig',
             alg => 'EdDSA', kid => $kid };
}


sub jwt {
    my ($name, $claims, %header) = @_;

    %header = (alg => 'EdDSA', typ => 'JWT', kid => jwk($name)->{kid}, %header);
    delete @header{grep { !defined $header{$_} } keys %header};

    my $input = join '.', map { encode_base64url($json->encode($_)) }
        \%header, $claims;

    my $file = "$dir/input";

    open my $fh, '>', $file or die "$!\n";
    print $fh $input;
    close $fh;

    return "$input." . encode_base64url(
        run('pkeyutl', '-sign', '-rawin', '-inkey', file($name), '-in', $file));
}


# Claims as the gateway of t/token.t makes them; members may be given, undef
# removes one.  Access is "type:name:actions".

sub claims {
    my ($key, $access, %members) = @_;

    my @access = map {
        my ($type, $name, $actions) = split /:/;
        { type => $type, name => $name, actions => [split /,/, $actions] };
    } @{$access // []};

    my %claims = (
        iss    => 'registry.example.org',
        aud    => 'registry.example.org',
        sub    => Registry::TestKeys::key_id($key),
        exp    => time + 300,
        nbf    => time - 1,
        access => \@access,
        %members
    );

    delete @claims{grep { !defined $claims{$_} } keys %claims};

    return \%claims;
}

1;
