#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# watch.pl PORT LIST FILE [close]
#
# Asks with the keys of LIST in turn, one request at a time, until it gets
# SIGTERM: on one connection, or with "close" on a new one each time, which no
# reload can close between two requests.  FILE has the number of requests so
# far.  Prints in the end how many there were and how many were not answered
# with 200, and their median, 99th percentile and longest time in milliseconds.

use strict;
use warnings;

use FindBin;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);
use lib $FindBin::Bin;
use Client;

use constant PAUSE => 0.0005;       # seconds

die "usage: watch.pl PORT LIST FILE [close]\n" unless @ARGV >= 3;

my ($port, $list, $file, $close) = @ARGV;
my $client = Client->new($port);
my @requests = map { $client->request(@$_[0, 1], $close) }
    Client::keys_of($list);
my ($done, $failed, @times) = (0, 0);

$SIG{TERM} = sub { $done = 1 };

open my $count, '+>', $file or die "$file: $!\n";

until ($done) {
    my $begin = clock_gettime(CLOCK_MONOTONIC);

    # an interrupted call is no answer, but the last one does not count

    my $status = eval { $client->status($requests[@times % @requests]) } // 0;

    last if $done;

    push @times, clock_gettime(CLOCK_MONOTONIC) - $begin;

    if ($status != 200) {
        print STDERR "request $#times: ", $status || $@ =~ s/\n//r, "\n";
        $client = Client->new($port) unless $status;
        $failed++;
    }

    sysseek $count, 0, 0;
    syswrite $count, sprintf "%12d\n", scalar @times;
    sleep PAUSE;
}

@times = sort { $a <=> $b } @times;

printf "%d %d %.3f %.3f %.3f\n", scalar @times, $failed,
    map { $_ * 1e3 } $times[$#times / 2], $times[$#times * 0.99], $times[-1];
