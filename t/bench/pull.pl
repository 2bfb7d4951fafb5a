#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# pull.pl PORT REPOSITORY TAG AUTHORIZATION CLIENTS SECONDS
#
# So many clients ask the registry at PORT for a manifest, are told where there
# are tokens, get one with AUTHORIZATION and the manifest with that, over and
# over.  Prints how many pulls there were, and in how many seconds.  Each client
# has a connection that it keeps, and one to who gives tokens.

use strict;
use warnings;

use FindBin;
use lib $FindBin::Bin;
use Client;
use Time::HiRes qw(time);

die "usage: pull.pl PORT REPOSITORY TAG AUTHORIZATION CLIENTS SECONDS\n"
    unless @ARGV == 6;

my ($port, $repository, $tag, $authorization, $clients, $seconds) = @ARGV;
my $begin = time;
my $end = $begin + $seconds;
my @pulls;

for (1 .. $clients) {
    my $pid = open my $pulls, '-|';

    defined $pid or die "fork: $!\n";
    print(pulls()), exit 0 if $pid == 0;
    push @pulls, $pulls;
}

my $sum = 0;

for my $pulls (@pulls) {
    $sum += <$pulls> // 0;
    close $pulls or die "a client has failed\n";
}

die "no pull came to its end\n" unless $sum;
printf "%d %.3f\n", $sum, time - $begin;


sub pulls
{
    my $registry = Client->new($port);
    my ($count, $tokens) = 0;

    while (time < $end) {
        my $path = "/v2/$repository/manifests/$tag";
        my $status = $registry->status($registry->request($path, ''));

        $status == 401 or die "without a token: $status\n";

        my ($at, $endpoint, $service, $scope) = $registry->{head} =~
            m{^WWW-Authenticate:\ Bearer\ realm="http://[^/:]+:(\d+)(/[^"]*)",
              service="([^"]*)",scope="([^"]*)"}mix or die "no challenge\n";

        $tokens //= Client->new($at);
        $status = $tokens->status($tokens->request(
            "$endpoint?service=$service&scope=$scope", $authorization));

        $status == 200 or die "token: $status\n";

        my ($token) = $tokens->{body} =~ /"token":"([^"]*)"/
            or die "no token\n";

        $status = $registry->status($registry->request($path, "Bearer $token"));
        $status == 200 or die "with a token: $status\n";
        $count++;
    }

    return $count;
}
