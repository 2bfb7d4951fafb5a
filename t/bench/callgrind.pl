#!/usr/bin/perl

# Copyright (C) ngx_http_registry_module authors
#
# callgrind.pl total N SHORT LONG
# callgrind.pl functions N SHORT LONG BASE-SHORT BASE-LONG
#
# Reads callgrind's output of a short and a long run, N requests apart, and
# prints instructions per request: all of them, or the functions that cost
# most more than they do in the base, then this module's own functions with
# what they call.

use strict;
use warnings;

use constant TOP => 15;

# A function without a symbol is known by its address and its library.

sub name
{
    my ($fn, $object) = @_;

    return $fn =~ /^0x0*(.*)/ ? "0x$1 in $object" : $fn;
}

# A run: total, and by function its own cost and that with its callees.

sub run
{
    my $name = shift;
    my %run = (total => 0, own => {}, all => {});
    my ($fn, $callee, $object, $called, $call) = ('?', '?', '', '', 0);

    open my $file, '<', $name or die "$name: $!\n";

    while (<$file>) {
        if (/^ob=(?:.*\/)?(.*)/) {
            $object = $called = $1;

        } elsif (/^cob=(?:.*\/)?(.*)/) {
            $called = $1;

        } elsif (/^fn=(.*)/) {
            $fn = name($1, $object);

        } elsif (/^cfn=(.*)/) {
            $callee = name($1, $called);
            $called = $object;

        } elsif (/^calls=/) {
            $call = 1;

        } elsif (/^[0-9]+ ([0-9]+)$/) {
            $run{own}{$fn} += $1 unless $call;
            $run{total} += $1 unless $call;
            $run{all}{$fn} += $1 unless $call && $callee eq $fn;
            $call = 0;
        }
    }

    die "$name: not an output of callgrind\n" unless $run{total};

    return \%run;
}

sub per_request
{
    my ($n, $short, $long) = @_;
    my %cost = (total => ($long->{total} - $short->{total}) / $n);

    for my $kind (qw(own all)) {
        for my $fn (keys %{$long->{$kind}}) {
            $cost{$kind}{$fn} =
                ($long->{$kind}{$fn} - ($short->{$kind}{$fn} // 0)) / $n;
        }
    }

    return \%cost;
}

my ($what, $n, @files) = @ARGV;

die "usage: callgrind.pl total|functions N SHORT LONG [BASE-SHORT BASE-LONG]\n"
    unless @files == 2 || @files == 4;

my $cost = per_request($n, map { run($_) } @files[0, 1]);

if ($what eq 'total') {
    printf "%.1f\n", $cost->{total};
    exit 0;
}

my $base = per_request($n, map { run($_) } @files[2, 3]);
my %more = map { $_ => $cost->{own}{$_} - ($base->{own}{$_} // 0) }
    keys %{$cost->{own}};

for my $fn (grep { !exists $more{$_} } keys %{$base->{own}}) {
    $more{$fn} = -$base->{own}{$fn};
}

sub table
{
    my ($title, $figure, @names) = @_;

    printf "  %-60s %10s\n", $title, 'per GET';
    printf "  %-60.60s %10.1f\n", $_, $figure->{$_} for @names;
}

my @dear = grep { defined && abs $more{$_} >= 0.5 }
    (sort { abs $more{$b} <=> abs $more{$a} } keys %more)[0 .. TOP - 1];
my @ours = grep { /^(?:ngx_http_registry|reg_)/ && $cost->{all}{$_} >= 0.5 }
    keys %{$cost->{all}};

@ours = sort { $cost->{all}{$b} <=> $cost->{all}{$a} } @ours;
splice @ours, TOP if @ours > TOP;

table('function, by itself', \%more, sort { $more{$b} <=> $more{$a} } @dear);
table('function of ours, with all that it calls', $cost->{all}, @ours);
