# Copyright (C) ngx_http_registry_module authors
#
# As much of a Redis client as the benchmark needs: one command at a time, and
# the moment at which its answer was there.

package Redis;

use strict;
use warnings;

use IO::Socket::INET;
use Socket qw(IPPROTO_TCP TCP_NODELAY);

sub new
{
    my ($class, $port) = @_;

    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $port, Proto => 'tcp', Timeout => 5)
        or die "127.0.0.1:$port: $!\n";

    setsockopt $socket, IPPROTO_TCP, TCP_NODELAY, 1;

    return bless { socket => $socket, buffer => '' }, $class;
}

sub line
{
    my $self = shift;

    my $end;

    $self->more while ($end = index $self->{buffer}, "\r\n") < 0;

    my $line = substr $self->{buffer}, 0, $end + 2, '';

    return substr $line, 0, $end;
}

sub more
{
    my $self = shift;

    sysread $self->{socket}, $self->{buffer}, 65536, length $self->{buffer}
        or die "Redis closed the connection\n";
}

# Sends a command and returns its answer: text, a list, or undef.

sub command
{
    my $self = shift;
    my $text = '*' . @_ . "\r\n"
        . join '', map { "\$" . length . "\r\n$_\r\n" } @_;

    syswrite($self->{socket}, $text) == length $text or die "write: $!\n";

    return $self->answer;
}

sub answer
{
    my $self = shift;
    my ($kind, $rest) = $self->line =~ /^(.)(.*)$/s;

    die "Redis: $rest\n" if $kind eq '-';

    if ($kind eq '*') {
        return [map { $self->answer } 1 .. $rest];
    }

    return $rest if $kind ne '$';
    return undef if $rest < 0;

    $self->more while length $self->{buffer} < $rest + 2;

    my $text = substr $self->{buffer}, 0, $rest + 2, '';

    return substr $text, 0, $rest;
}

# The record of a key, revoked.

sub revoked
{
    my ($self, $id) = @_;
    my $record = $self->command('GET', "registry:key:$id")
        // die "$id: no such key\n";

    $record =~ s/"revoked_at":null/"revoked_at":"2024-06-01T00:00:00Z"/
        or die "$id: revoked already\n";

    return $record;
}

1;
