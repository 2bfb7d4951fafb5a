#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# probe.pl PORT TURNS SECONDS [FROM TO LIST INDEX]
#
# Asks a gateway for /probe every millisecond, which takes one turn of its event
# loop, and says how long the answers took; after a third of the time renames
# FROM to TO, a store that revokes the key INDEX of LIST, and goes on at least
# until that key is refused.  Prints, in milliseconds, the median, the 99.9th
# percentile and the longest wait, the longest turn by the clock and by the
# processor (TURNS is the file of turn.c), and in seconds the time from the
# rename to the refusal.

use strict;
use warnings;

use FindBin;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);
use lib $FindBin::Bin;
use Client;

use constant GIVE_UP => 60;

die "usage: probe.pl PORT TURNS SECONDS [FROM TO LIST INDEX]\n"
    unless @ARGV == 3 || @ARGV == 7;

my ($port, $turns, $seconds, $from, $to, $list, $index) = @ARGV;

my $client = Client->new($port);
my $request = $client->request('/probe');
my $begin = now();
my $next = $begin;
my $end = $begin + $seconds;
my $taken_up = 0;
my ($renamed, $asker, $question, $asked, @waits);

sub now
{
    return clock_gettime(CLOCK_MONOTONIC);
}

sub begin_reload
{
    my $key = (Client::keys_of($list))[$index];

    $asker = Client->new($port);
    $question = $asker->request(@$key[0, 1]);
    $asker->status($question) == 200 or die "the key is not let in\n";

    rename $from, $to or die "$from: $!\n";
    $renamed = $asked = now();
}

# Asks, now and then, whether the new store holds.

sub ask
{
    my $now = now();

    return if $now - $asked < 0.05;

    die "the new store is not taken up\n" if $now - $renamed > GIVE_UP;

    $asked = $now;
    $taken_up = $now - $renamed if $asker->status($question) == 401;
}

open my $turn, '+<:raw', $turns or die "$turns: $!\n";

syswrite($turn, pack 'Q2', 0, 0) == 16 or die "$turns: $!\n";

while (1) {
    my $sent = now();

    $client->status($request) == 204 or die "no 204\n";

    my $now = now();

    push @waits, $now - $sent;

    if (defined $from && !$taken_up) {
        if ($renamed) {
            ask();

        } elsif ($now - $begin >= $seconds / 3) {
            begin_reload();
        }

    } elsif ($now >= $end) {
        last;
    }

    $now = now();
    $next += 0.001;
    $next = $now if $next < $now;
    sleep $next - $now if $next > $now;
}

sysseek $turn, 0, 0;
sysread($turn, my $longest, 16) == 16 or die "$turns: $!\n";

@waits = sort { $a <=> $b } @waits;

printf "%.3f %.3f %.3f %.3f %.3f %.2f\n",
    (map { $_ * 1e3 } $waits[$#waits / 2], $waits[$#waits * 0.999], $waits[-1]),
    (map { $_ / 1e6 } unpack 'Q2', $longest), $taken_up;
