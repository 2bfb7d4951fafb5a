#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# probe.pl PORT WORKER SECONDS [FROM TO]
#
# Asks a gateway for /probe every millisecond, which takes one turn of its event
# loop, and says how long the answers took; after a third of the time renames
# FROM to TO.  Prints, in milliseconds: median, 99.9th percentile, longest wait,
# and the longest of all spans that the worker was computing during one wait,
# which other processes on the machine do not lengthen.

use strict;
use warnings;

use FindBin;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);
use lib $FindBin::Bin;
use Client;

die "usage: probe.pl PORT WORKER SECONDS [FROM TO]\n"
    unless @ARGV == 3 || @ARGV == 5;

my ($port, $worker, $seconds, $from, $to) = @ARGV;

# The processor time clock of a process: clock_getcpuclockid(3) on Linux.

my $cpu_clock = (-$worker - 1) * 8 + 2;

my $client = Client->new($port);
my $request = $client->request('/probe');
my $begin = clock_gettime(CLOCK_MONOTONIC);
my $next = $begin;
my $longest_cpu = 0;
my @waits;

while (1) {
    my $cpu = clock_gettime($cpu_clock);
    my $sent = clock_gettime(CLOCK_MONOTONIC);

    last if $sent - $begin >= $seconds;

    if (defined $from && $sent - $begin >= $seconds / 3) {
        rename $from, $to or die "$from: $!\n";
        undef $from;
    }

    $client->status($request) == 204 or die "no 204\n";

    my $now = clock_gettime(CLOCK_MONOTONIC);

    push @waits, $now - $sent;
    $cpu = clock_gettime($cpu_clock) - $cpu;
    $longest_cpu = $cpu if $cpu > $longest_cpu;

    $next += 0.001;
    $next = $now if $next < $now;
    sleep $next - $now if $next > $now;
}

@waits = sort { $a <=> $b } @waits;

printf "%.3f %.3f %.3f %.3f\n", map { $_ * 1000 } $waits[$#waits / 2],
    $waits[$#waits * 0.999], $waits[-1], $longest_cpu;
