#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# client.pl PORT COUNT LIST [INDEX [AUTHORIZATION]]
#
# Sends COUNT requests with a key of LIST, the first if INDEX does not say
# otherwise, on one connection and prints the statuses that came and how often
# each did: "200 5000".  AUTHORIZATION takes the place of the key's.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Client;

die "usage: client.pl PORT COUNT LIST [INDEX [AUTHORIZATION]]\n"
    unless @ARGV >= 3;

my ($port, $count, $list, $index, $authorization) = @ARGV;
my $client = Client->new($port);
my $key = (Client::keys_of($list))[$index // 0];
my $request = $client->request($key->[0], $authorization // $key->[1]);
my %seen;

$seen{$client->status($request)}++ for 1 .. $count;

print join(' ', map { "$_ $seen{$_}" } sort keys %seen), "\n";
