package Test::Nginx::Socket::Client;

# Copyright (C) ngx_http_registry_module authors
#
# Sends the bytes of a request and takes apart what comes back.

use strict;
use warnings;

use Errno qw( EAGAIN EINTR );
use IO::Select;
use IO::Socket::INET;
use Time::HiRes qw( sleep );


# Writes the packets to a connection of its own and reads until the server
# closes it.  Returns what was read, and a sentence if the server was silent
# for longer than timeout.

sub talk {
    my ($packets, $port, $timeout) = @_;

    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => $port, Proto => 'tcp');

    return ('', "cannot connect: $!") if !$socket;

    $socket->blocking(0);

    my @packets = @$packets;
    my $out = (shift @packets)->{value};
    my $in = '';

    my $readable = IO::Select->new($socket);

    while (1) {
        my $writable = length $out || @packets ? IO::Select->new($socket)
                                               : undef;

        my ($r, $w) = IO::Select->select($readable, $writable, undef,
                                         $timeout);

        return ($in, "the server was silent for $timeout s") if !defined $r;

        if (@$r) {
            my $n = sysread $socket, $in, 65536, length $in;

            last if defined $n && $n == 0;
            last if !defined $n && $! != EAGAIN && $! != EINTR;
        }

        if (@$w) {
            my $n = syswrite $socket, $out;

            if (defined $n) {
                substr $out, 0, $n, '';

            } elsif ($! != EAGAIN && $! != EINTR) {
                # the server reads no more; it may have answered all the same
                $out = '';
                @packets = ();
            }

            if ($out eq '' && @packets) {
                my $packet = shift @packets;

                sleep $packet->{delay_before} if $packet->{delay_before};
                $out = $packet->{value};
            }
        }
    }

    return $in;
}


# The same over HTTP/2, by curl.

sub talk_http2 {
    my (@curl) = @_;

    open my $pipe, '-|', @curl or return ('', "cannot run curl: $!");
    binmode $pipe;

    my $in = do { local $/; <$pipe> } // '';

    close $pipe or return ($in, "curl failed with status " . ($? >> 8));

    return $in;
}


# Takes one response off the front of $bytes.  Returns {code, head, headers,
# body, error} and what is left; head is the raw header with the status line,
# headers a hash of lists by lower-case name.

sub parse {
    my ($bytes) = @_;

    my %response = (code => '', head => '', headers => {}, body => undef);

    return \%response if $bytes !~ s/\A([^\n]*)\n//;

    my $line = $1;

    $response{code} = $1 if $line =~ m{^\S+\s+(\d+)};
    $response{head} = "$line\n";

    while ($bytes =~ s/\A(([^\s:]+)[ \t]*:[ \t]?([^\n]*)\n)//) {
        my ($raw, $name, $value) = ($1, $2, $3);

        $response{head} .= $raw;

        $value =~ s/\r\z//;
        push @{$response{headers}{lc $name}}, $value;
    }

    $bytes =~ s/\A\r?\n//;
    $response{body} = $bytes;

    return \%response if $response{code} =~ /^(?:101|304)$/;

    if ((header(\%response, 'Transfer-Encoding') // '') eq 'chunked') {
        (@response{'body', 'error'}, my $left) = dechunk($bytes);

        return (\%response, $left);
    }

    my $length = header(\%response, 'Content-Length');

    if (defined $length && $length =~ /^\d+$/ && length $bytes > $length) {
        $response{body} = substr $bytes, 0, $length;

        return (\%response, substr $bytes, $length);
    }

    return \%response;
}


# Returns the body, an error or undef, and what follows.

sub dechunk {
    my ($bytes) = @_;

    my $body = '';

    while ($bytes =~ s/\A[ \t]*([0-9A-Fa-f]+)[ \t]*\r\n//) {
        my $size = hex $1;

        if ($size == 0) {
            return ($body, undef, $bytes) if $bytes =~ s/\A\r\n//;

            return ($body, 'bad end of the last chunk', '');
        }

        return ($body, 'a chunk is cut', '') if length $bytes < $size + 2;

        $body .= substr $bytes, 0, $size, '';

        return ($body, 'no CRLF behind a chunk', '')
            if $bytes !~ s/\A\r\n//;
    }

    return ($body, 'no last chunk', '');
}


sub header {
    my ($response, $name) = @_;

    my $values = $response->{headers}{lc $name};

    return defined $values ? join(', ', @$values) : undef;
}

1;
