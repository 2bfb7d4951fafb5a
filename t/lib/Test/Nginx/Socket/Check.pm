package Test::Nginx::Socket::Check;

# Copyright (C) ngx_http_registry_module authors
#
# Compares what came with what the sections of a block expect.

use strict;
use warnings;

use Test::More ();
use Time::HiRes qw( sleep time );

# nginx writes the lines of the log phase after the response is away
use constant SETTLE => 0.045;


# The expectation for one of several requests.

sub indexed {
    my ($block, $value, $index, $many) = @_;

    return ref $value eq 'ARRAY' ? $value->[$index] : $value if !$many;

    die $block->name . ": several requests, but an expectation is no array\n"
        if ref $value ne 'ARRAY';

    return $value->[$index];
}


# $expand puts the values of $TEST_NGINX_* into a text.

sub response {
    my ($block, $response, $index, $many, $expand) = @_;

    my $name = $block->name . ($many ? ", request " . ($index + 1) : '');
    my $pick = sub { indexed($block, $_[0], $index, $many) };

    Test::More::fail("$name - $response->{error}") if $response->{error};

    status($block, $name, $response, $pick);
    headers($block, $name, $response, $pick);
    body($block, $name, $response, $pick, $expand);
}


sub status {
    my ($block, $name, $response, $pick) = @_;

    my $code = $response->{code};

    if ($block->has('error_code_like')) {
        my $like = $pick->($block->error_code_like);

        Test::More::like($code, qr/$like/sm, "$name - status");
        return;
    }

    my $want = $block->has('error_code') ? $pick->($block->error_code) : 200;

    Test::More::is($code, $want, "$name - status");
}


sub headers {
    my ($block, $name, $response, $pick) = @_;

    if ($block->has('raw_response_headers_like')) {
        my $like = $pick->($block->raw_response_headers_like);

        Test::More::like($response->{head}, qr/$like/s,
                         "$name - raw headers like");
    }

    if ($block->has('raw_response_headers_unlike')) {
        my $unlike = $pick->($block->raw_response_headers_unlike);

        Test::More::unlike($response->{head}, qr/$unlike/s,
                           "$name - raw headers unlike");
    }

    if ($block->has('response_headers')) {

        for (expected($pick->($block->response_headers))) {
            my ($header, $value) = @$_;

            my $got = Test::Nginx::Socket::Client::header($response, $header);

            if (!defined $value) {
                Test::More::is($got, undef, "$name - no header $header");
                next;
            }

            Test::More::is($got // '', $value, "$name - header $header");
        }

    } elsif ($block->has('response_headers_like')) {

        for (expected($pick->($block->response_headers_like))) {
            my ($header, $value) = @$_;

            my $got = Test::Nginx::Socket::Client::header($response, $header);

            Test::More::like($got // '', qr/^$value$/,
                             "$name - header $header like");
        }
    }
}


# "Name: value" or "!Name" on each line; of a name that is there twice, the
# last counts, as upstream has it.

sub expected {
    my ($text) = @_;

    my (%value, @order);

    for my $line (split /\n/, $text // '') {
        $line =~ s/^\s+|\s+$//g;

        next if $line eq '';

        my $absent = $line =~ s/^!\s*//;
        my ($header, $value) = $absent ? $line : split /\s*:\s*/, $line, 2;

        push @order, $header if !exists $value{$header};
        $value{$header} = $absent ? undef : $value // '';
    }

    return map { [$_, $value{$_}] } @order;
}


sub body {
    my ($block, $name, $response, $pick, $expand) = @_;

    my $body = $response->{body};

    if ($block->has('response_body_filters')) {
        my $filters = $block->response_body_filters;

        $body = $_->($body)
            for ref $filters eq 'ARRAY' ? @$filters : $filters;
    }

    if ($block->has('response_body')) {
        my $want = $pick->($block->response_body);

        if (ref $want) {
            Test::More::like($body, $want, "$name - body like");

        } else {
            Test::More::is($body, defined $want ? $expand->($want) : undef,
                           "$name - body");
        }

    } elsif ($block->has('response_body_like')) {
        my $like = $pick->($block->response_body_like);

        Test::More::like($body, qr/$like/s, "$name - body like");

    } elsif ($block->has('response_body_unlike')) {
        my $unlike = $pick->($block->response_body_unlike);

        Test::More::unlike($body, qr/$unlike/s, "$name - body unlike");
    }
}


# Patterns are lines of literal text, regular expressions, or a list of both.

sub patterns {
    my ($value) = @_;

    return grep { defined } @$value if ref $value eq 'ARRAY';
    return $value if ref $value;
    return grep { $_ ne '' } split /\n+/, $value;
}


sub matches {
    my ($line, $pattern) = @_;

    return ref $pattern ? $line =~ $pattern : index($line, $pattern) >= 0;
}


# Lines of a log from an offset on: (the lines, the offset of its end).

sub tail {
    my ($file, $offset) = @_;

    open my $in, '<', $file or return ([], $offset);
    binmode $in;
    seek $in, $offset, 0;

    my @lines = <$in>;

    return (\@lines, tell $in);
}


# Checks what was logged behind $offset and returns the offset of the end.
# What is to be there is waited for, up to a second.

sub error_log {
    my ($block, $file, $offset, $repetition, $expand, $patience) = @_;

    my $name = $block->name;
    my @wanted = $block->has('error_log') ? patterns($block->error_log) : ();
    my $end = time + $patience;
    my ($lines, $next);

    sleep SETTLE
        if $block->has('no_error_log') || $block->has('grep_error_log');

    while (1) {
        ($lines, $next) = tail($file, $offset);

        last if !grep { missing($lines, $_) } @wanted;
        last if time >= $end;

        sleep 0.01;
    }

    grep_log($block, $lines, $repetition, $expand)
        if $block->has('grep_error_log');

    for my $pattern (@wanted) {
        Test::More::ok(!missing($lines, $pattern),
                       "$name - error.log has \"$pattern\"")
            or Test::More::diag(join '', grep { !/\[debug\]/ } @$lines);
    }

    if ($block->has('no_error_log')) {
        none($name, 'error.log', $lines, patterns($block->no_error_log));
    }

    return $next;
}


sub missing {
    my ($lines, $pattern) = @_;

    for my $line (@$lines) {
        return 0 if matches($line, $pattern);
    }

    return 1;
}


sub none {
    my ($name, $log, $lines, @patterns) = @_;

    for my $pattern (@patterns) {
        my ($found) = grep { matches($_, $pattern) } @$lines;

        Test::More::ok(!defined $found, "$name - $log lacks \"$pattern\"")
            or Test::More::diag($found);
    }
}


# The matched parts of all lines, one on a line each.

sub grep_log {
    my ($block, $lines, $repetition, $expand) = @_;

    my $pattern = $block->grep_error_log;
    my $want = $block->grep_error_log_out;

    $pattern = $pattern->[$repetition] if ref $pattern eq 'ARRAY';
    $want = $want->[$repetition] if ref $want eq 'ARRAY';

    my $expression = ref $pattern ? $pattern : qr/\Q$pattern\E/;
    my $got = join '', map { /$expression/ ? "$&\n" : () } @$lines;

    my $name = $block->name . ' - grep_error_log';

    ref $want ? Test::More::like($got, $want, $name)
              : Test::More::is($got, $expand->($want), $name);
}


sub access_log {
    my ($block, $file, $patience) = @_;

    return if !$block->has('access_log') && !$block->has('no_access_log');

    my $name = $block->name;
    my @wanted = $block->has('access_log') ? patterns($block->access_log) : ();
    my $end = time + $patience;
    my $lines;

    sleep SETTLE;

    while (1) {
        ($lines) = tail($file, 0);

        last if !grep { missing($lines, $_) } @wanted;
        last if time >= $end;

        sleep 0.01;
    }

    for my $pattern (@wanted) {
        Test::More::ok(!missing($lines, $pattern),
                       "$name - access.log has \"$pattern\"")
            or Test::More::diag(@$lines);
    }

    if ($block->has('no_access_log')) {
        none($name, 'access.log', $lines, patterns($block->no_access_log));
    }
}


# What no block may log, unless its sections name it: upstream warns about it,
# here it fails the block.

sub alarms {
    my ($block, $lines) = @_;

    my @named = map { $block->has($_) ? patterns($block->$_) : () }
                    qw( error_log no_error_log );

    for my $level (qw( [alert] [crit] [emerg] )) {
        my $prefix = substr $level, 0, -1;

        next if grep { /\Q$prefix\E/ } @named;

        for my $line (grep { index($_, $level) >= 0 } @$lines) {
            Test::More::fail($block->name . " - error.log has $level");
            Test::More::diag($line);
        }
    }

    my $all = Test::Nginx::Socket::Server::without_foreign_leaks(
        join '', @$lines);

    if ($all =~ $Test::Nginx::Socket::Server::Report
        || $all =~ /\bAssertion .*?failed\b/)
    {
        Test::More::fail($block->name . ' - a report in error.log');
        Test::More::diag(substr $all, $-[0], 4000);
    }
}

1;
