#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# revoke.pl PORT STORE LIST TRIES
#
# Revokes TRIES keys of a file store, one after the other and from the second of
# LIST on, by replacing the file, and waits each time for the first 401.  Prints
# the median and the longest time from the rename to it, in seconds.

use strict;
use warnings;

use FindBin;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);
use lib $FindBin::Bin;
use Client;

use constant GIVE_UP => 30;

die "usage: revoke.pl PORT STORE LIST TRIES\n" unless @ARGV == 4;

my ($port, $file, $list, $tries) = @ARGV;
my @keys = (Client::keys_of($list))[1 .. $tries];
my $client = Client->new($port);
my @seconds;

open my $in, '<', $file or die "$file: $!\n";
my $store = do { local $/; <$in> };
close $in;

for my $key (@keys) {
    my ($path, $authorization, $id) = @$key;
    my $request = $client->request($path, $authorization);

    $client->status($request) == 200 or die "$id: not let in\n";

    $store =~ s/^("\Q$id\E":\{.*"revoked_at":)null/$1"2024-06-01T00:00:00Z"/m
        or die "$id: not in $file\n";

    open my $out, '>', "$file.new" or die "$file.new: $!\n";
    print $out $store;
    close $out or die "$file.new: $!\n";

    # any moment of the worker's own clock is as likely as any other

    sleep rand 1;

    rename "$file.new", $file or die "$file: $!\n";
    my $begin = clock_gettime(CLOCK_MONOTONIC);

    while (1) {
        my $status = $client->status($request);
        my $now = clock_gettime(CLOCK_MONOTONIC);

        if ($status == 401) {
            push @seconds, $now - $begin;
            last;
        }

        die "$id: status $status\n" if $status != 200;
        die "$id: still let in\n" if $now - $begin > GIVE_UP;

        sleep 0.002;
    }
}

@seconds = sort { $a <=> $b } @seconds;

printf "%.3f %.3f\n", $seconds[$#seconds / 2], $seconds[-1];
