#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# refusal.pl PORT REDIS-PORT LIST FIRST TRIES WORKERS [kill|forbid|mute:PORT]
#
# Revokes TRIES keys in Redis, one after the other and from number FIRST of LIST
# on, while it asks each worker, known by the header X-Worker, all the time.
# Prints, in milliseconds and over all keys and workers, the median, the 99th
# percentile and the longest time from Redis's answer to the write until a
# worker had refused the key; how long after it the last request began that was
# let in; and the 99th percentile of the time that any request took.
#
# Before the write the workers lose what tells them of it: "kill" closes their
# connections, "forbid" lets them have no other ones, too; "mute" has the proxy
# that they go through (t/lib/fault_proxy, with its control port) keep from them
# what Redis says, without a word.

use strict;
use warnings;

use FindBin;
use Time::HiRes qw(clock_gettime sleep CLOCK_MONOTONIC);
use lib $FindBin::Bin;
use Client;
use Redis;

use constant GIVE_UP    => 30;      # seconds
use constant ATTEMPTS   => 1000;    # connections, to find every worker
use constant AFTERWARDS => 3;       # more requests, all of them refused

die "usage: refusal.pl PORT REDIS-PORT LIST FIRST TRIES WORKERS"
    . " [kill|forbid|mute:PORT]\n" unless @ARGV == 6 || @ARGV == 7;

my ($port, $redis_port, $list, $first, $tries, $nworkers, $how) = @ARGV;
my ($cut, $control) = split /:/, $how // '';
my @keys = Client::keys_of($list);
my $redis = Redis->new($redis_port);
my (%workers, @times, @requests);
my $latest = 0;

$cut //= '';

sub now
{
    return clock_gettime(CLOCK_MONOTONIC);
}

# A connection to each worker.

sub find_workers
{
    for (1 .. ATTEMPTS) {
        my $client = Client->new($port);

        $client->status($client->request(@{$keys[0]}[0, 1])) == 200
            or die "the first key is not let in\n";

        my ($worker) = $client->{head} =~ /\r\nX-Worker: (\d+)\r\n/
            or die "no X-Worker\n";

        $workers{$worker} //= $client;

        return if keys %workers == $nworkers;
    }

    die "only ", scalar keys %workers, " workers of $nworkers answer\n";
}

# Their trackers work: under load nobody asks Redis for a while.

sub wait_for_trackers
{
    my $begin = now();
    my ($clients, $before, $after);

    do {
        die "no trackers\n" if now() - $begin > GIVE_UP;

        $before = $redis->command('INFO', 'commandstats');
        sleep 0.1;
        $clients = $redis->command('CLIENT', 'LIST', 'TYPE', 'PUBSUB');
        $after = $redis->command('INFO', 'commandstats');

        /\bcmdstat_get:calls=(\d+)/ and $_ = $1 for $before, $after;

    } while ($before ne $after || (() = $clients =~ /\bsub=1\b/g) < $nworkers);
}

# Tells the proxy of a fault.

sub proxy
{
    my $socket = IO::Socket::INET->new(PeerAddr => '127.0.0.1',
        PeerPort => $control, Proto => 'tcp') or die "proxy: $!\n";

    print $socket "@_\n";
    die "proxy: not ok\n" unless (<$socket> // '') eq "ok\n";
}

sub refused
{
    my ($worker, $request) = @_;
    my $begin = now();
    my $status = $workers{$worker}->status($request);

    push @requests, now() - $begin;

    die "status $status\n" if $status != 200 && $status != 401;

    return $status == 401;
}

sub revoke
{
    my $id = shift;
    my $record = $redis->revoked($id);

    if ($cut eq 'mute') {
        proxy('mute tracker');

    } elsif ($cut) {
        $redis->command('ACL', 'SETUSER', 'default', 'resetchannels')
            if $cut eq 'forbid';
        $redis->command('CLIENT', 'KILL', 'TYPE', 'PUBSUB');
    }

    $redis->command('SET', "registry:key:$id", $record);

    return now();
}

find_workers();

for my $key (@keys[$first .. $first + $tries - 1]) {
    my ($path, $authorization, $id) = @$key;
    my %waiting = map { $_ => 1 } keys %workers;
    my $request = (values %workers)[0]->request($path, $authorization);

    wait_for_trackers() if $cut ne 'forbid';

    for my $worker (keys %workers) {
        die "$id: not let in\n" if refused($worker, $request);
    }

    # any moment of the workers' own clocks is as likely as any other

    sleep rand 0.01;

    my $written = revoke($id);

    while (%waiting) {
        for my $worker (keys %waiting) {
            my $begin = now();

            if (refused($worker, $request)) {
                push @times, now() - $written;
                delete $waiting{$worker};

            } elsif ($begin - $written > $latest) {
                $latest = $begin - $written;
            }
        }

        die "$id: still let in\n" if now() - $written > GIVE_UP;
    }

    for my $worker ((keys %workers) x AFTERWARDS) {
        die "$id: let in again\n" unless refused($worker, $request);
    }

    proxy('pass') if $cut eq 'mute';
}

@times = sort { $a <=> $b } @times;
@requests = sort { $a <=> $b } @requests;

printf "%.3f %.3f %.3f %.3f %.3f\n", map { $_ * 1e3 }
    $times[$#times / 2], $times[$#times * 0.99], $times[-1], $latest,
    $requests[$#requests * 0.99];
