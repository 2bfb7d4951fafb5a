#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# lookups.pl PORT REDIS-PORT LIST COUNT
#
# Has keys of LIST in turn change in Redis, asks with each twice, and prints how
# long the first request took, which has Redis asked, and the second, which has
# not: medians of COUNT, in microseconds.

use strict;
use warnings;

use FindBin;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);
use lib $FindBin::Bin;
use Client;
use Redis;

use constant HEARD => 0.002;    # seconds after a change, for all to know of it

die "usage: lookups.pl PORT REDIS-PORT LIST COUNT\n" unless @ARGV == 4;

my ($port, $redis_port, $list, $count) = @ARGV;
my @keys = Client::keys_of($list);
my $client = Client->new($port);
my $redis = Redis->new($redis_port);
my (@cold, @warm);

sub timed
{
    my $request = shift;
    my $begin = clock_gettime(CLOCK_MONOTONIC);

    $client->status($request) == 200 or die "not let in\n";

    return clock_gettime(CLOCK_MONOTONIC) - $begin;
}

for my $i (0 .. $count - 1) {
    my ($path, $authorization, $id) = @{$keys[$i % @keys]};
    my $request = $client->request($path, $authorization);
    my $record = $redis->command('GET', "registry:key:$id");

    $redis->command('SET', "registry:key:$id", $record);
    sleep HEARD;

    push @cold, timed($request);
    push @warm, timed($request);
}

printf "%.1f %.1f\n", map { (sort { $a <=> $b } @$_)[$#$_ / 2] * 1e6 }
    \@cold, \@warm;
