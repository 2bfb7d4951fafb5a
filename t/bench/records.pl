#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# records.pl STORE
#
# Prints the records of a file store of store.pl as commands for
# "redis-cli --pipe".

use strict;
use warnings;

my $type;

sub command
{
    return '*' . @_ . "\r\n" . join '', map { "\$" . length . "\r\n$_\r\n" } @_;
}

while (<>) {
    if (/^"(key|tenant|role)s":\{/) {
        $type = $1;

    } elsif (/^"([^"]+)":(\{.*\}),?$/) {
        print command('SET', "registry:$type:$1", $2);
    }
}
