package Test::Nginx::Socket::Server;

# Copyright (C) ngx_http_registry_module authors
#
# The nginx of one block: its directory, its configuration, its process.

use strict;
use warnings;

use Fcntl qw( O_CREAT O_TRUNC O_WRONLY );
use File::Path qw( make_path remove_tree );
use File::Spec ();
use File::Temp ();
use IO::Socket::INET;
use POSIX qw( WNOHANG _exit );
use Test::Nginx::Socket::Ports;
use Time::HiRes qw( sleep time );

# a sanitizer's word, wherever it was written
our $Report = qr/ERROR: \w+Sanitizer|runtime error:|^==\d+==/m;

# what the functions of the module under test are called
our $Ours = qr/\breg_|registry/;

my $binary = $ENV{TEST_NGINX_BINARY} || 'nginx';
my $valgrind = $ENV{TEST_NGINX_USE_VALGRIND};
my $preload = $ENV{TEST_NGINX_LD_PRELOAD} // $ENV{TEST_NGINX_PRELOAD};

# everything takes longer under valgrind
our $Patience = $valgrind ? 10 : $preload ? 3 : 1;

my $root;
my $port;
my $pid;


sub root {
    if (!defined $root) {
        $root = $ENV{TEST_NGINX_SERVROOT}
                // File::Temp::tempdir('nginx-t-XXXXXX', TMPDIR => 1,
                                      CLEANUP => 1);
        $root = File::Spec->rel2abs($root);
    }

    return $root;
}


sub html_dir {
    return root() . '/html';
}


sub error_log {
    return root() . '/logs/error.log';
}


sub port {
    my ($set) = @_;

    $port = $set if defined $set;

    return $port //= $ENV{TEST_NGINX_SERVER_PORT} || $ENV{TEST_NGINX_PORT}
                     || Test::Nginx::Socket::Ports::free_port();
}


sub version {
    my $out = `$binary -v 2>&1`;

    return $out =~ m{/(\d+)\.(\d+)\.(\d+)} ? [$1, $2, $3]
                                           : die "cannot run $binary\n";
}


# Empties the directory.  Only what nginx and this file made there is removed:
# TEST_NGINX_SERVROOT may have been set to somebody's home.

sub prepare {
    my ($files) = @_;

    my $root = root();

    remove_tree("$root/conf", "$root/html", "$root/logs", glob "$root/*_temp");
    make_path("$root/conf", "$root/html", "$root/logs");

    write_file("$root/html/index.html",
               '<html><head><title>It works!</title></head>'
               . '<body>It works!</body></html>');

    for my $file (@$files) {
        my ($name, $body) = @$file;

        $name = "$root/html/$name" if $name !~ m{^/};

        make_path($1) if $name =~ m{(.*)/};

        write_file($name, $body);
    }
}


sub write_file {
    my ($name, $body) = @_;

    open my $out, '>', $name or die "cannot write $name: $!\n";
    binmode $out;
    print $out $body;
    close $out or die "cannot write $name: $!\n";
}


# $c holds main_config, http_config, config, log_level, workers, master,
# connections, env, server_name, http2, root_location.

sub configure {
    my ($c) = @_;

    my $root = root();
    my $port = port();

    my $modules = join '', map { "load_module $_;\n" }
                           split ' ', $ENV{TEST_NGINX_LOAD_MODULES} // '';

    my $env = join '', map { "env $_;\n" } @{$c->{env}};

    my $user = $> == 0 ? "user root;\n" : '';

    my $v = version();
    my $new = $v->[0] > 1 || $v->[1] > 25 || $v->[1] == 25 && $v->[2] >= 1;
    my $listen = $c->{http2} ? $new ? "$port; http2 on" : "$port http2" : $port;

    my $temp = join '', map { "    ${_}_temp_path $root/${_}_temp;\n" }
                        qw( client_body proxy fastcgi uwsgi scgi );

    my $slash = $c->{root_location} ? <<"    END" : '';
        location / {
            root $root/html;
            index index.html index.htm;
        }
    END

    write_file("$root/conf/nginx.conf", <<"END");
worker_processes $c->{workers};
daemon off;
master_process $c->{master};
error_log $root/logs/error.log $c->{log_level};
pid $root/logs/nginx.pid;
env ASAN_OPTIONS;
env UBSAN_OPTIONS;
$user$env$modules
$c->{main_config}

http {
    access_log $root/logs/access.log;
$temp
    default_type text/plain;
    keepalive_timeout 68s;

$c->{http_config}

    server {
        listen 127.0.0.1:$listen;
        server_name '$c->{server_name}';
        client_max_body_size 30M;

$c->{config}

$slash
    }
}

events {
    accept_mutex off;
    worker_connections $c->{connections};
}
END
}


sub command {
    my ($plain) = @_;

    my $root = root();

    my @command = ($binary, '-e', "$root/logs/error.log", '-p', "$root/",
                   '-c', "$root/conf/nginx.conf");

    return @command if !$valgrind || $plain;

    my @options = $valgrind =~ /^\d+$/
                  ? qw( --leak-check=full --show-possibly-lost=no
                        --num-callers=50 )
                  : split ' ', $valgrind;

    my ($here) = __FILE__ =~ m{(.*)/};

    return ('valgrind', '-q', "--log-file=$root/logs/valgrind.%p.log",
            "--suppressions=$here/valgrind.suppress", @options, @command);
}


# Starts nginx as our child and returns at once.

sub spawn {
    my ($plain) = @_;

    my @command = command($plain);

    $pid = fork() // die "fork() failed: $!\n";

    return if $pid;

    # what a test's terminal or "prove" sends is for the test, not for nginx
    setpgrp;

    open STDIN, '<', '/dev/null';
    open STDOUT, '>', root() . '/logs/stdout.log';
    open STDERR, '>', root() . '/logs/stderr.log';

    if (defined $preload) {
        $ENV{LD_PRELOAD} = $preload;

        # whole stacks, to tell whose leak it is: reports() does
        $ENV{ASAN_OPTIONS} = join ':', $ENV{ASAN_OPTIONS} // (),
                                       'fast_unwind_on_malloc=0';
        $ENV{LSAN_OPTIONS} = join ':', $ENV{LSAN_OPTIONS} // (), 'exitcode=0';
    }

    exec @command or _exit(127);
}


# Returns nothing once nginx accepts connections, else what went wrong.

sub start {
    spawn(0);

    my $end = time + 10 * $Patience;

    while (time < $end) {

        if (waitpid($pid, WNOHANG) == $pid) {
            undef $pid;
            return 'nginx did not start: ' . said();
        }

        # the pid file is written when the sockets listen
        if (-s root() . '/logs/nginx.pid' && listening()) {
            return;
        }

        sleep 0.005;
    }

    stop();

    return 'nginx does not listen: ' . said();
}


sub listening {
    my $socket = IO::Socket::INET->new(
        PeerAddr => '127.0.0.1', PeerPort => port(), Proto => 'tcp');

    return defined $socket;
}


# Runs an nginx that is expected to refuse its configuration; returns what
# waitpid() says, or undef if it had to be killed.

sub run_to_death {
    spawn(1);

    my $status = await(10 * $Patience);

    kill_hard() if !defined $status;

    return $status;
}


# Ends nginx and returns nothing, or what was wrong with its end.  An idle nginx
# without timers misses a signal that comes just before it waits for events, so
# it is told again.

sub stop {
    return if !defined $pid;

    my $status;

    for (1 .. 10 * $Patience) {
        kill 'QUIT', $pid;

        $status = await(0.5);
        last if defined $status;
    }

    if (!defined $status) {
        kill_hard();

        return 'nginx did not end within ' . 5 * $Patience
               . ' s of SIGQUIT: a request or a timer is left';
    }

    return 'nginx died of signal ' . ($status & 127) if $status & 127;
    return 'nginx ended with status ' . ($status >> 8) if $status;

    return;
}


sub await {
    my ($seconds) = @_;

    my $end = time + $seconds;

    while (1) {
        if (waitpid($pid, WNOHANG) == $pid) {
            undef $pid;
            return $?;
        }

        return if time >= $end;

        sleep 0.005;
    }
}


# Workers are in the process group of the child that we started.

sub kill_hard {
    kill 'KILL', -$pid;
    waitpid $pid, 0;
    undef $pid;
}


# What nginx wrote to standard error, and sanitizers and valgrind elsewhere.

sub said {
    my $root = root();

    return join '', map { slurp($_) }
                    "$root/logs/stderr.log", glob "$root/logs/valgrind.*.log";
}


# The text without what LeakSanitizer says of nginx's own leaks: it leaves the
# arrays of its events to the exit, and what the sanitizer finds of them varies.

sub without_foreign_leaks {
    my ($text) = @_;

    $text =~ s{^==\d+==ERROR: LeakSanitizer.*?^SUMMARY: [^\n]*\n}
              {$& =~ $Ours ? $& : ''}msge;

    return $text;
}


sub slurp {
    my ($name) = @_;

    open my $in, '<', $name or return '';
    binmode $in;
    local $/;

    return <$in> // '';
}


# A test that dies must not leave its nginx behind.

my $owner = $$;

END {
    if ($$ == $owner && defined $pid) {
        local $?;
        kill_hard();
    }
}

1;
