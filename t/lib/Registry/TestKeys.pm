package Registry::TestKeys;

# Copyright (C) ngx_http_registry_module authors
#
# API keys and stores for tests, made here from the description of the format
# in src/access/reg_api_key.h and not by the code under test.  The key of a
# name is always the same:
#
#     key('puller')   ngr_puller000000_SecretOfpullerxxx...<check>

use strict;
use warnings;

use Compress::Raw::Zlib ();
use Digest::SHA ();
use Exporter qw( import );
use JSON::PP ();
use MIME::Base64 ();

our @EXPORT = qw(
    basic bearer check_digits key key_id key_record peppered_hash store tenant
);

my @base62 = (0 .. 9, 'A' .. 'Z', 'a' .. 'z');

my $json = JSON::PP->new->canonical;


# name is one to twelve letters and digits

sub key_id {
    my ($name) = @_;

    return $name . '0' x (12 - length $name);
}


sub key {
    my ($name) = @_;

    my $secret = "SecretOf$name";
    my $text = 'ngr_' . key_id($name) . '_'
               . $secret . 'x' x (32 - length $secret);

    return $text . check_digits($text);
}


# CRC-32 as six digits of base 62, the most significant first

sub check_digits {
    my ($text) = @_;

    my $crc = Compress::Raw::Zlib::crc32($text);
    my $digits = '';

    for (1 .. 6) {
        $digits = $base62[$crc % 62] . $digits;
        $crc = int($crc / 62);
    }

    return $digits;
}


sub peppered_hash {
    my ($name, $pepper) = @_;

    return 'hmac-sha256:' . Digest::SHA::hmac_sha256_hex(key($name), $pepper);
}


# Header lines, for more_headers.

sub basic {
    my ($name, $user) = @_;

    return 'Authorization: Basic '
           . MIME::Base64::encode_base64(($user // 'anybody') . ':'
                                         . key($name), '');
}


sub bearer {
    my ($name) = @_;

    return 'Authorization: Bearer ' . key($name);
}


# The record of a key of tenant "acme"; members may be given, undef removes one.

sub key_record {
    my ($name, %members) = @_;

    my %record = (
        version => 1,
        id      => key_id($name),
        tenant  => 'acme',
        hash    => 'sha256:' . Digest::SHA::sha256_hex(key($name)),
        %members
    );

    delete @record{grep { !defined $record{$_} } keys %record};

    return \%record;
}


sub tenant {
    my ($name, %members) = @_;

    return { version => 1, name => $name, %members };
}


# The text of a store file: store(keys => [...], tenants => [...], roles =>
# [...]), one record a line so that error messages can be told apart by line.

sub store {
    my (%sections) = @_;

    my @parts;

    for my $section (qw( keys tenants roles )) {
        my @records = map {
            '  "' . ($_->{id} // $_->{name}) . '": ' . $json->encode($_)
        } @{$sections{$section} // []};

        push @parts, qq("$section": {\n) . join(",\n", @records) . "\n}";
    }

    return qq({"version": 1,\n) . join(",\n", @parts) . "}\n";
}

1;
