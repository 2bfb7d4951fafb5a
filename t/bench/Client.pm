# Copyright (C) ngx_http_registry_module authors
#
# A small HTTP/1.1 client on one keep-alive connection: what the benchmark
# needs to send an exact number of requests and to time each.

package Client;

use strict;
use warnings;

use IO::Socket::INET;
use Socket qw(IPPROTO_TCP SOL_SOCKET SO_RCVTIMEO TCP_NODELAY);

use constant TIMEOUT => 30;     # seconds without an answer

# What docker sends with the GET of a manifest, in one Accept line.

use constant HEADERS =>
    "User-Agent: docker/20.10.24 go/go1.19.8 git-commit/5d6db84 os/linux"
    . " arch/amd64\r\n"
    . "Accept: application/vnd.oci.image.manifest.v1+json,"
    . " application/vnd.docker.distribution.manifest.v2+json\r\n";

sub new
{
    my ($class, $port) = @_;

    return bless { port => $port, buffer => '' }, $class;
}

# The text of a request, to be built once and sent often.  No Authorization is
# sent where it is empty.  With $close the connection is to end.

sub request
{
    my ($self, $path, $authorization, $close) = @_;

    return "GET $path HTTP/1.1\r\nHost: 127.0.0.1:$self->{port}\r\n" . HEADERS
        . (length $authorization ? "Authorization: $authorization\r\n" : '')
        . ($close ? "Connection: close\r\n" : '') . "\r\n";
}

sub connection
{
    my $self = shift;

    return $self->{socket} if $self->{socket};

    $self->{socket} = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $self->{port}, Proto => 'tcp', Timeout => 5)
        or die "127.0.0.1:$self->{port}: $!\n";

    setsockopt $self->{socket}, IPPROTO_TCP, TCP_NODELAY, 1;
    setsockopt $self->{socket}, SOL_SOCKET, SO_RCVTIMEO,
        pack('l!l!', TIMEOUT, 0);
    $self->{buffer} = '';

    return $self->{socket};
}

sub fill
{
    my $self = shift;

    my $n = sysread $self->{socket}, $self->{buffer}, 65536,
        length $self->{buffer};

    die "127.0.0.1:$self->{port}: no answer\n" unless $n;
}

# Sends a request, reads the whole response and returns its status; its header
# is in $self->{head}, its body in $self->{body}.

sub status
{
    my ($self, $request) = @_;
    my $socket = $self->connection;
    my $end;

    syswrite($socket, $request) == length $request or die "write: $!\n";

    $self->fill while ($end = index $self->{buffer}, "\r\n\r\n") < 0;

    my $head = $self->{head} = substr $self->{buffer}, 0, $end + 4, '';
    my ($status) = $head =~ /^HTTP\/1\.1 (\d{3})/ or die "bad response\n";
    my ($length) = $head =~ /\r\nContent-Length: (\d+)\r\n/i;

    die "a response without Content-Length\n"
        unless defined $length || $status == 204;

    $length //= 0;
    $self->fill while length $self->{buffer} < $length;
    $self->{body} = substr $self->{buffer}, 0, $length, '';

    delete $self->{socket} if $head =~ /\r\nConnection: close\r\n/i;

    return $status;
}

# The lines of store.pl's list: path, Authorization, id.

sub keys_of
{
    my $file = shift;

    open my $list, '<', $file or die "$file: $!\n";

    return map { chomp; [split /\t/] } <$list>;
}

1;
