#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# sweep.pl PORT CONNECTIONS bad|unknown COUNT
# sweep.pl PORT CONNECTIONS LIST [COUNT]
#
# Asks once with each of many keys, over so many connections at a time: with
# keys made up here, whose check is wrong or whose record is nowhere, or with
# those of a LIST of store.pl.  Prints the seconds that it took and the statuses
# that came, with how often each did: "12.345 401 1000000".
#
# HEAD has the access of GET, and an answer that ends with its header.

use strict;
use warnings;

use FindBin;
use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);
use Time::HiRes qw(clock_gettime CLOCK_MONOTONIC);
use lib $FindBin::Bin, "$FindBin::Bin/../lib";
use Client;
use Registry::TestKeys;

use constant TIMEOUT  => 30;    # seconds without any answer
use constant PIPELINE => 8;     # requests of a connection, sent together, at most

die "usage: sweep.pl PORT CONNECTIONS bad|unknown|LIST [COUNT]\n"
    unless @ARGV == 3 || @ARGV == 4;

my ($port, $nconnections, $source, $count) = @ARGV;
my @list = $source =~ /^(?:bad|unknown)$/ ? () : Client::keys_of($source);
my ($sent, $answered, %seen) = (0, 0);

$count //= @list;

my $share = 1 + int(($count - 1) / $nconnections);
my $together = $share < PIPELINE ? $share : PIPELINE;

# The numbers of a key that is made up; the last of its characters is part of
# the check, which is right with one of them only.

sub made_up
{
    my $key = key(sprintf 'f%010dx', shift);

    return $key if $source eq 'unknown';

    my $last = chop $key;

    return $key . ($last eq 'x' ? 'y' : 'x');
}

sub request
{
    my $i = shift;
    my ($path, $authorization) = @list
        ? @{$list[$i % @list]}
        : ('/v2/team-00000/app/manifests/latest', 'Bearer ' . made_up($i));

    return "HEAD $path HTTP/1.1\r\nHost: gateway\r\n"
        . "Authorization: $authorization\r\n\r\n";
}

sub connection
{
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Proto => 'tcp', Timeout => 5)
        or die "127.0.0.1:$port: $!\n";

    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;

    return { socket => $socket, buffer => '', waits => 0 };
}

# The next requests of a connection that has its answers.

sub ask
{
    my $connection = shift;
    my $text = '';

    while ($sent < $count && $connection->{waits} < $together) {
        $text .= request($sent++);
        $connection->{waits}++;
    }

    syswrite($connection->{socket}, $text) == length $text
        or die "write: $!\n" if length $text;
}

sub take
{
    my $connection = shift;

    sysread $connection->{socket}, $connection->{buffer}, 65536,
        length $connection->{buffer} or die "the connection was closed\n";

    while ($connection->{buffer} =~ s/^HTTP\/1\.1 (\d{3}).*?\r\n\r\n//s) {
        $seen{$1}++;
        $answered++;
        $connection->{waits}--;
    }

    ask($connection) unless $connection->{waits};
}

my @connections = map { connection() } 1 .. $nconnections;
my $begin = clock_gettime(CLOCK_MONOTONIC);

ask($_) for @connections;

while ($answered < $count) {
    my $in = '';

    vec($in, fileno $_->{socket}, 1) = 1 for @connections;

    select($in, undef, undef, TIMEOUT) > 0
        or die "no answer, after $answered of $count\n";

    for my $connection (@connections) {
        take($connection) if vec $in, fileno $connection->{socket}, 1;
    }
}

printf "%.3f %s\n", clock_gettime(CLOCK_MONOTONIC) - $begin,
    join ' ', map { "$_ $seen{$_}" } sort keys %seen;
