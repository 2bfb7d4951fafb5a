package Test::Nginx::Socket;

# Copyright (C) ngx_http_registry_module authors
#
# A small runner for test files in the format of Test::Nginx::Socket
# (github.com/openresty/test-nginx), in core Perl, because that library is in
# no package of Debian.  It knows the sections that t/*.t use, means by them
# what upstream means, and refuses others.  The same files pass under upstream:
#
#     PERL5LIB=/path/to/test-nginx/lib prove t/
#
# It is stricter in this: a block fails on an [alert], [crit] or [emerg] that
# it does not name, on a report of a sanitizer or of valgrind, and when nginx
# does not end by itself within seconds of SIGQUIT.
#
#     TEST_NGINX_BINARY         nginx to run, "nginx" by default
#     TEST_NGINX_LOAD_MODULES   paths for load_module
#     TEST_NGINX_PORT           port of the server under test, a free one
#     TEST_NGINX_SERVROOT       its directory, a temporary one
#     TEST_NGINX_LD_PRELOAD     LD_PRELOAD for nginx alone
#     TEST_NGINX_USE_VALGRIND   1, or options of valgrind

use strict;
use warnings;

use File::Temp ();
use POSIX ();
use Test::More ();
use Time::HiRes qw( sleep );

use Test::Nginx::Socket::Check;
use Test::Nginx::Socket::Client;
use Test::Nginx::Socket::Peer;
use Test::Nginx::Socket::Request;
use Test::Nginx::Socket::Server;
use Test::Nginx::Socket::Spec;

our @EXPORT = qw(
    add_block_preprocessor blocks check_accum_error_log env_to_nginx html_dir
    log_level master_off master_on no_long_string no_root_location no_shuffle
    repeat_each run_tests server_name server_port server_root timeout
    worker_connections workers
);

my @more = qw(
    cmp_ok diag fail is is_deeply isnt like ok pass plan skip unlike
);

my %config = (
    connections => 64, env => [], log_level => 'debug', master => 'off',
    root_location => 1, server_name => 'localhost', workers => 1
);

my $accumulate = 0;
my $repeat = 1;
my $timeout = $ENV{TEST_NGINX_TIMEOUT} || 3;

my @preprocessors;
my $all_blocks;
my $peer;
my $ports;

$SIG{PIPE} = 'IGNORE';

# so that END blocks end nginx
$SIG{$_} = sub { exit 130 } for qw( HUP INT TERM );

$ENV{TEST_NGINX_SERVER_ROOT} = Test::Nginx::Socket::Server::root();


sub import {
    my ($class, @arguments) = @_;

    my $caller = caller;

    no strict 'refs';

    *{"${caller}::$_"} = \&{"${class}::$_"} for @EXPORT;
    *{"${caller}::$_"} = \&{"Test::More::$_"} for @more;

    strict->import;
    warnings->import;

    Test::More::plan(@arguments) if @arguments;
}


sub add_block_preprocessor (&) {
    unshift @preprocessors, shift;
}

sub blocks () {
    if (!$all_blocks) {
        my $text = do { local $/; no warnings 'once'; readline *main::DATA };

        $all_blocks = [Test::Nginx::Socket::Spec::parse($0, $text // '')];
    }

    return @$all_blocks;
}

sub check_accum_error_log () {
    $accumulate = 1;
}

sub env_to_nginx (@) {
    push @{$config{env}}, @_;
}

sub html_dir () {
    return Test::Nginx::Socket::Server::html_dir();
}

sub log_level (@) {
    return @_ ? $config{log_level} = $_[0] : $config{log_level};
}

sub master_off () {
    $config{master} = 'off';
}

sub master_on () {
    $config{master} = 'on';
}

# strings are always compared in full, and blocks always run in order

sub no_long_string () {
}

sub no_shuffle () {
}

sub no_root_location () {
    $config{root_location} = 0;
}

sub repeat_each (@) {
    return @_ ? $repeat = $_[0] : $repeat;
}

sub server_name (@) {
    return @_ ? $config{server_name} = $_[0] : $config{server_name};
}

sub server_port (@) {
    return Test::Nginx::Socket::Server::port(@_);
}

sub server_root () {
    return Test::Nginx::Socket::Server::root();
}

sub timeout (@) {
    return @_ ? $timeout = $_[0] : $timeout;
}

sub worker_connections (@) {
    return @_ ? $config{connections} = $_[0] : $config{connections};
}

sub workers (@) {
    return @_ ? $config{workers} = $_[0] : $config{workers};
}


sub run_tests () {
    $ENV{TEST_NGINX_SERVER_PORT} //= server_port();

    for my $block (blocks()) {
        $_->($block) for @preprocessors;

        $ports = {};

        run_block($block);
    }
}


# Puts in the values of $TEST_NGINX_*.  An unknown one stops everything:
# nginx would take it for a variable of its own.

sub expand {
    my ($text) = @_;

    return if !defined $text;

    $text =~ s/\$(TEST_NGINX_[_A-Z0-9]+)/variable($1)/eg;

    return $text;
}

sub variable {
    my ($name) = @_;

    if ($name =~ /^TEST_NGINX_RAND_PORT_\d+$/) {
        return $ports->{$name} //= Test::Nginx::Socket::Ports::free_port();
    }

    Test::More::BAIL_OUT("$name is not set") if !defined $ENV{$name};

    return $ENV{$name};
}


sub run_block {
    my ($block) = @_;

    if (my ($count, $why) = skipped($block)) {
        Test::More->builder->skip($block->name . ": $why") for 1 .. $count;
        return;
    }

    Test::Nginx::Socket::Server::prepare([user_files($block)]);
    configure($block);

    if ($block->has('must_die')) {
        die_as_expected($block);
        return;
    }

    my $wrong = Test::Nginx::Socket::Server::start();

    if (!$wrong) {
        init($block);
        run_requests($block) for 1 .. $repeat;

        $wrong = Test::Nginx::Socket::Server::stop();
    }

    Test::More::fail($block->name . " - $wrong") if $wrong;

    reports($block);
}


# (how many, why) if the block does not apply here.

sub skipped {
    my ($block) = @_;

    if ($block->has('skip_nginx')) {
        my ($count, $op, @than) = $block->skip_nginx =~
            /^\s*(\d+)\s*:\s*([<>]=?)\s*(\d+)\.(\d+)\.(\d+)\s*(?::\s*(.*))?$/
            or die $block->name . ": bad skip_nginx\n";

        my $why = pop @than // 'version of nginx';
        my $have = Test::Nginx::Socket::Server::version();

        my ($h, $t) = map { sprintf '%d%03d%03d', @$_ } $have, \@than;

        return ($count, $why)
            if $op eq '<' ? $h < $t : $op eq '<=' ? $h <= $t
               : $op eq '>' ? $h > $t : $h >= $t;
    }

    if ($block->has('skip_eval')) {
        my ($count, $code) = $block->skip_eval =~ /^\s*(\d+)\s*:\s*(.*)/s
            or die $block->name . ": bad skip_eval\n";

        my $skip = eval $code;

        die $block->name . ": skip_eval: $@" if $@;

        return ($count, 'skip_eval') if $skip;
    }

    return;
}


# [name, text] of each, from ">>> name" lines or from a list.

sub user_files {
    my ($block) = @_;

    my $files = $block->user_files // '';
    my @files;

    if (ref $files) {
        @files = map { [$_->[0], $_->[1]] } @$files;

    } else {
        for my $line (split /^/, $files) {
            if ($line =~ /^>>> (\S+)/) {
                push @files, [$1, ''];

            } elsif (@files) {
                $files[-1][1] .= $line;
            }
        }
    }

    $_->[1] = expand($_->[1] // '') for @files;

    return @files;
}


sub configure {
    my ($block) = @_;

    my %sections = map { $_ => expand($block->$_) // '' }
                       qw( main_config http_config config );

    $sections{log_level} = $block->log_level if $block->has('log_level');
    $sections{http2} = $block->has('http2');

    Test::Nginx::Socket::Server::configure({ %config, %sections });
}


sub die_as_expected {
    my ($block) = @_;

    my $name = $block->name;
    my $status = Test::Nginx::Socket::Server::run_to_death();

    if (!defined $status) {
        Test::More::fail("$name - nginx starts, which it should not");

    } elsif ($status & 127) {
        Test::More::fail("$name - nginx died of signal " . ($status & 127));

    } elsif ($block->must_die =~ /^\d+$/) {
        Test::More::is($status >> 8, $block->must_die, "$name - exit status");

    } else {
        Test::More::isnt($status, 0, "$name - nginx refuses to start");
    }

    check_error_log($block, 0, 0);

    # that it does not start is an [emerg] of its own
    my ($lines) = Test::Nginx::Socket::Check::tail(
        Test::Nginx::Socket::Server::error_log(), 0);

    Test::Nginx::Socket::Check::alarms($block,
                                       [grep { !/\[emerg\]/ } @$lines]);
}


sub init {
    my ($block) = @_;

    return if !$block->has('init');

    eval $block->init;

    die $block->name . ": init: $@" if $@;
}


my $repetition = 0;

sub run_requests {
    my ($block) = @_;

    my @connections = Test::Nginx::Socket::Request::build(
        $block, $config{server_name}, \&expand);

    my $pipelined = $block->has('pipelined_requests')
                    ? @{$block->pipelined_requests} : 0;

    my $many = $pipelined || @connections > 1;
    my $offset = 0;
    my $index = 0;

    my $file = start_peer($block);

    for my $connection (@connections) {
        my $bytes = send_bytes($block, $connection);

        for my $last (1 .. $pipelined || 1) {
            $bytes = check_response($block, $bytes, $index++, $many);

            sleep $block->wait if $block->has('wait');

            my $next = check_error_log($block, $offset, $repetition);

            $offset = $next if !$accumulate;

            Test::Nginx::Socket::Check::access_log(
                $block, server_root() . '/logs/access.log',
                $Test::Nginx::Socket::Server::Patience)
                if !$block->has('ignore_response');
        }

        Test::More::diag($block->name . ' - bytes behind the response: '
                         . $bytes)
            if defined $bytes && $bytes ne '';
    }

    check_peer($block, $file);

    $repetition++;
}


sub send_bytes {
    my ($block, $packets) = @_;

    my $wait = seconds($block->timeout // $timeout)
               * $Test::Nginx::Socket::Server::Patience;

    my ($bytes, $wrong);

    if ($block->has('http2')) {
        ($bytes, $wrong) = Test::Nginx::Socket::Client::talk_http2(
            Test::Nginx::Socket::Request::curl(
                $packets, server_port(), $wait,
                server_root() . '/html/curl.data'));

    } else {
        ($bytes, $wrong) = Test::Nginx::Socket::Client::talk(
            $packets, server_port(), $wait);
    }

    Test::More::fail($block->name . " - $wrong")
        if $wrong && !$block->has('abort');

    return $bytes;
}


sub seconds {
    my ($time) = @_;

    return $1 / 1000 if $time =~ /^([\d.]+)ms$/;

    $time =~ s/s$//;

    return $time;
}


# Checks the response at the front of $bytes and returns the rest.

sub check_response {
    my ($block, $bytes, $index, $many) = @_;

    return if $block->has('ignore_response');

    my ($response, $left) = Test::Nginx::Socket::Client::parse($bytes // '');

    Test::Nginx::Socket::Check::response($block, $response, $index, $many,
                                         \&expand);

    return $left;
}


sub check_error_log {
    my ($block, $offset, $repetition) = @_;

    return Test::Nginx::Socket::Check::error_log(
        $block, Test::Nginx::Socket::Server::error_log(), $offset, $repetition,
        \&expand, $Test::Nginx::Socket::Server::Patience);
}


sub start_peer {
    my ($block) = @_;

    return if !$block->has('tcp_listen');

    my $query = $block->tcp_query;
    my $enough = $block->tcp_query_len // (defined $query ? length $query
                                                          : undef);

    my (undef, $file) = File::Temp::tempfile(DIR => server_root() . '/logs');

    $peer = Test::Nginx::Socket::Peer::start(
        expand($block->tcp_listen), $block->tcp_reply, $enough,
        seconds($block->tcp_reply_delay // 0), $file);

    return $file;
}


sub check_peer {
    my ($block, $file) = @_;

    return if !defined $file;

    Test::Nginx::Socket::Peer::stop($peer);
    undef $peer;

    my $got = Test::Nginx::Socket::Server::slurp($file);

    Test::More::is($got, $block->tcp_query, $block->name . ' - tcp_query')
        if $block->has('tcp_query');

    Test::More::is(length $got, $block->tcp_query_len,
                   $block->name . ' - tcp_query_len')
        if $block->has('tcp_query_len');
}


# What nginx left behind when it had ended.

sub reports {
    my ($block) = @_;

    my ($lines) = Test::Nginx::Socket::Check::tail(
        Test::Nginx::Socket::Server::error_log(), 0);

    Test::Nginx::Socket::Check::alarms($block, $lines);

    my $said = Test::Nginx::Socket::Server::without_foreign_leaks(
        Test::Nginx::Socket::Server::said());

    if ($said =~ $Test::Nginx::Socket::Server::Report) {
        Test::More::fail($block->name . ' - a sanitizer or valgrind reports');
        Test::More::diag(substr $said, 0, 8000);
    }
}


my $owner = $$;

END {
    if ($$ == $owner && defined $peer) {
        local $?;
        Test::Nginx::Socket::Peer::stop($peer);
    }
}

1;
