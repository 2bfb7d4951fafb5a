#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# store.pl COUNT NAME DIRECTORY [SCOPES]
#
# Writes a file store of COUNT keys and the lists that the benchmark's other
# parties read.  The same COUNT always yields the same keys; NAME goes into
# every key's record, so that two stores can differ in every record.
#
#     store.COUNT    the file store, one record per line
#     list.COUNT     for clients: path, Authorization, id; evenly over the store
#     sweep.COUNT    the same of others, and more of them
#     wrong.COUNT    two Authorization values to be refused: a wrong secret of
#                    the first key and a key that is not in the store
#     records.COUNT  for gate.lua: hash of the key, tenant, expiry, scopes
#     map.COUNT      for nginx's map: the Authorization values of the list
#
# A hundred keys share a tenant.  All get their scopes through a role, or have
# SCOPES of their own.

use strict;
use warnings;

use Compress::Zlib qw(crc32);
use Digest::SHA qw(sha256 sha256_hex);
use MIME::Base64 qw(encode_base64);

use constant KEYS_PER_TENANT => 100;
use constant LIST_MAX        => 1000;
use constant SWEEP_MAX       => 50000;

die "usage: store.pl COUNT NAME DIRECTORY [SCOPES]\n"
    unless @ARGV == 3 || @ARGV == 4;

my ($count, $name, $directory, $scopes) = @ARGV;
my @base62 = ('0' .. '9', 'A' .. 'Z', 'a' .. 'z');

sub base62
{
    return join '', map { $base62[$_ % 62] } unpack 'C*', shift;
}

sub check
{
    my ($crc, $text) = (crc32(shift), '');

    for (1 .. 6) {
        $text = $base62[$crc % 62] . $text;
        $crc = int($crc / 62);
    }

    return $text;
}

sub id
{
    return base62(substr sha256("id $_[0]"), 0, 12);
}

sub key
{
    my ($id, $secret) = @_;
    my $key = "ngr_${id}_" . base62(sha256("secret $secret"));

    return $key . check($key);
}

sub basic
{
    return 'Basic ' . encode_base64("ci:$_[0]", '');
}

# The rest of a record: a full one, or with SCOPES what ngx-registry writes.

sub members
{
    my $tenant = shift;

    return '"roles":["image-puller"],"scopes":[],'
        . '"allow_from":["127.0.0.0/8","10.0.0.0/8","::1/128"],'
        . '"not_before":"2024-01-01T00:00:00Z",'
        . '"expires_at":"2099-12-31T23:59:59Z","revoked_at":null,'
        . '"reason":"","rotated_to":null,'
        . '"created_at":"2024-01-01T00:00:00Z"' unless $scopes;

    my @scopes = map {
        $_ == 1 ? "$tenant/app:pull" : "$tenant/web-$_/*:pull,push"
    } 1 .. $scopes;

    return '"scopes":[' . join(',', map { qq("repository:$_") } @scopes) . '],'
        . '"expires_at":"2099-12-31T23:59:59Z",'
        . '"created_at":"2024-01-01T00:00:00Z"';
}

my ($store, $list, $sweep, $wrong, $records, $map) = map {
    open my $file, '>', "$directory/$_.$count" or die "store.pl: $_: $!\n";
    $file
} qw(store list sweep wrong records map);

my $step = $count > LIST_MAX ? int($count / LIST_MAX) : 1;
my $stride = $count > SWEEP_MAX ? int($count / SWEEP_MAX) : 1;
my $digest = 'sha256:' . sha256_hex('manifest');
my %tenants;

print $wrong basic(key(id(0), 'wrong')), "\n", basic(key(id(-1), -1)), "\n";
print $store qq({"version":1,\n"keys":{\n);

for my $i (0 .. $count - 1) {
    my $id = id($i);
    my $key = key($id, $i);
    my $tenant = sprintf 'team-%05d', int($i / KEYS_PER_TENANT);
    my $hash = sha256_hex($key);

    $tenants{$tenant} = 1;

    print $store $i ? ",\n" : '',
        qq("$id":{"version":1,"id":"$id","tenant":"$tenant",),
        qq("name":"$name $i","hash":"sha256:$hash",),
        members($tenant), '}';

    print $records "$hash $tenant 4102444799 repository:$tenant/**:pull\n";

    my $listed = $i % $step == 0 && $i / $step < LIST_MAX;
    my $swept = !$listed && $i % $stride == $stride - 1;

    next unless $listed || $swept;

    my $basic = basic($key);
    my $line = "/v2/$tenant/app/manifests/$digest\t$basic\t$id\n";

    print $sweep $line if $swept;
    print $list $line if $listed;
    print $map qq("$basic" 1;\n) if $listed;
}

print $store "\n},\n\"tenants\":{\n",
    join(",\n", map {
        qq("$_":{"version":1,"name":"$_",)
        . qq("labels":{"project":"$_","cost_center":"4711"}})
    } sort keys %tenants),
    "\n},\n\"roles\":{}}\n";

for ($store, $list, $sweep, $wrong, $records, $map) {
    close $_ or die "store.pl: $!\n";
}
