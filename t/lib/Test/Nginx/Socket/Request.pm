package Test::Nginx::Socket::Request;

# Copyright (C) ngx_http_registry_module authors
#
# From the sections of a block to the bytes of its requests.
#
# A request is a list of packets, {value, delay_before}: what is written at
# once, and the pause before it in seconds.

use strict;
use warnings;


# Returns one list of packets for each connection that the block makes.
# $expand puts the values of $TEST_NGINX_* into a text.

sub build {
    my ($block, $host, $expand) = @_;

    if ($block->has('raw_request')) {
        my $raw = $block->raw_request;

        return [map { { value => $_ } } ref $raw ? @$raw : $raw];
    }

    return [{ value => pipeline($block, $host, $expand) }]
        if $block->has('pipelined_requests');

    die 'no request in "' . $block->name . "\"\n" if !$block->has('request');

    my $requests = $block->request;

    if (!ref $requests) {
        $requests =~ s/\A(?:\s*#[^\n]+\s+|\s+)+//;
        $requests = [$requests];
    }

    my $index = 0;
    my @built;

    for my $request (@$requests) {
        my @packets = map { ref $_ ? { %$_ } : { value => $_ } }
                          ref $request ? @$request : $request;

        push @built, [complete(\@packets, headers($block, $index++), 'close',
                               $host)];
    }

    return @built;
}


sub pipeline {
    my ($block, $host, $expand) = @_;

    my @requests = @{$block->pipelined_requests};
    my $bytes = '';

    for my $i (0 .. $#requests) {
        my $connection = $i == $#requests ? 'close' : 'keep-alive';
        my $packet = { value => $expand->($requests[$i]) };

        complete([$packet], headers($block, $i), $connection, $host);

        $bytes .= $packet->{value};
    }

    return $bytes;
}


sub headers {
    my ($block, $index) = @_;

    my $headers = $block->more_headers // '';

    if (ref $headers) {
        $headers = $headers->[$index];

        die 'more_headers lacks data for request ' . ($index + 1) . "\n"
            if !defined $headers;
    }

    my $lines = '';

    for my $header (split /\n+/, $headers) {
        next if $header =~ /^\s*#/;

        my ($name, $value) = split /:\s*/, $header, 2;

        $lines .= "$name: " . ($value // '') . "\r\n";
    }

    return $lines;
}


# Turns "GET /uri" and the lines of a body into a request of HTTP/1.1 with the
# headers that it needs.  The first packet holds the whole first line.

sub complete {
    my ($packets, $headers, $connection, $host) = @_;

    my ($line, $rest) = $packets->[0]{value} =~ /\A([^\n]*)\n?(.*)\z/s;
    my ($method, $uri, $version) = split ' ', $line;

    die "bad request line: \"$line\"\n" if !defined $method;

    $uri //= '/';
    $version //= 'HTTP/1.1';

    my $body = join '', $rest, map { $_->{value} } @$packets[1 .. $#$packets];

    if ($body ne '' && $headers !~ /^Transfer-Encoding: chunked\r$/mi) {

        # space around a body belongs to the test file, as upstream has it
        if ($headers !~ /^Content-Length:/m) {
            $body =~ s/\A\s+|\s+\z//g;

            $rest =~ s/\A\s+//;
            $rest =~ s/\s+\z// if @$packets == 1;
            $packets->[-1]{value} =~ s/\s+\z// if @$packets > 1;

            $headers .= 'Content-Length: ' . length($body) . "\r\n";
        }
    }

    my $first = "$method $uri $version\r\n";

    $first .= "Host: $host\r\n" if $headers !~ /^Host:/mi;
    $first .= "Connection: $connection\r\n" if $headers !~ /^Connection/mi;

    $packets->[0]{value} = "$first$headers\r\n$rest";

    return @$packets;
}


# The arguments of the curl that makes the same request over HTTP/2.

sub curl {
    my ($packets, $port, $timeout, $body_file) = @_;

    my $bytes = join '', map { $_->{value} } @$packets;
    my ($head, $body) = $bytes =~ /\A(.*?)\r\n\r\n(.*)\z/s;
    my ($line, @headers) = split /\r\n/, $head;
    my ($method, $uri) = split ' ', $line;

    my @curl = ('curl', '-q', '-sS', '-i', '--http2-prior-knowledge',
                '--path-as-is', '--max-time', $timeout);

    push @curl, $method eq 'HEAD' ? '-I' : ('-X', $method);

    # what a request of HTTP/1 would not have
    push @curl, map { ('-H', "$_:") } qw( User-Agent Accept Host );

    push @curl, map { ('-H', $_) } grep { !/^Connection:/i } @headers;

    if ($body ne '') {
        Test::Nginx::Socket::Server::write_file($body_file, $body);

        push @curl, '--data-binary', "\@$body_file";
        push @curl, '-H', 'Content-Type:'
            if !grep { /^Content-Type:/i } @headers;
    }

    return @curl, "http://127.0.0.1:$port$uri";
}

1;
