package Test::Nginx::Socket::Peer;

# Copyright (C) ngx_http_registry_module authors
#
# The "tcp_listen" server: takes one connection, records the bytes that come,
# answers with the bytes of "tcp_reply".

use strict;
use warnings;

use IO::Socket::INET;
use IO::Socket::UNIX;
use POSIX qw( _exit );
use Socket qw( SOCK_STREAM );
use Time::HiRes qw( sleep );


# target is a port or the path of a Unix socket that ends with ".sock".
# Reads $enough bytes, or once if that is undef, into $file.

sub start {
    my ($target, $reply, $enough, $delay, $file) = @_;

    my $listen;

    if ($target =~ /^\d+$/) {
        $listen = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $target, Proto => 'tcp',
            ReuseAddr => 1, Listen => 5);

    } else {
        unlink $target;

        $listen = IO::Socket::UNIX->new(
            Local => $target, Type => SOCK_STREAM, Listen => 5);
    }

    die "cannot listen on $target: $!\n" if !$listen;

    my $pid = fork() // die "fork() failed: $!\n";

    return $pid if $pid;

    # nothing of the test is this process's to clean up
    $SIG{TERM} = $SIG{INT} = 'DEFAULT';

    serve($listen, $reply, $enough, $delay, $file);

    _exit(0);
}


sub serve {
    my ($listen, $reply, $enough, $delay, $file) = @_;

    my $client = $listen->accept or return;
    my $got = '';

    while (1) {
        my $n = sysread $client, $got, 65536, length $got;

        last if !$n;

        # a reader never sees half of it
        Test::Nginx::Socket::Server::write_file("$file.new", $got);
        rename "$file.new", $file;

        last if !defined $enough || length $got >= $enough;
    }

    sleep $delay if $delay;

    $reply = $reply->($got) if ref $reply eq 'CODE';

    syswrite $client, $_ for ref $reply ? @$reply : $reply;

    close $client;
}


sub stop {
    my ($pid) = @_;

    kill 'TERM', $pid;
    waitpid $pid, 0;
}

1;
