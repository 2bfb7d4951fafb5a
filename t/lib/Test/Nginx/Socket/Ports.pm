package Test::Nginx::Socket::Ports;

# Copyright (C) ngx_http_registry_module authors
#
# Ports of 127.0.0.1 that no other test uses.  Tests run side by side: each
# locks a hundred ports, below those that the kernel gives to clients, as
# t/lib/sandbox.sh does.

use strict;
use warnings;

use Fcntl qw( LOCK_EX LOCK_NB );
use IO::Socket::INET;
use List::Util qw( shuffle );

my $lock;
my @ports;


# The one that was handed out the longest time ago.

sub free_port {
    @ports = lock_ports() if !defined $lock;

    for (1 .. @ports) {
        my $port = shift @ports;

        push @ports, $port;

        my $socket = IO::Socket::INET->new(
            LocalAddr => '127.0.0.1', LocalPort => $port,
            Proto => 'tcp', Listen => 1, ReuseAddr => 1);

        return $port if $socket;
    }

    die "no free port on 127.0.0.1\n";
}


# The lock goes with this process.

sub lock_ports {
    my $locks = "/tmp/registry-ports.$<";

    mkdir $locks, 0700;

    for my $n (shuffle 200 .. 299) {
        open $lock, '>', "$locks/$n" or die "cannot write $locks/$n: $!\n";

        return shuffle map { $n * 100 + $_ } 0 .. 99
            if flock $lock, LOCK_EX | LOCK_NB;
    }

    die "no ports are left on 127.0.0.1\n";
}

1;
