# A runner that never fails proves nothing: each block below is wrong in one
# way, and our runner must say so.  (Upstream's library is not asked.)

use strict;
use warnings;

use File::Temp qw( tempdir );
use FindBin;
use Test::More;

my %wrong = (
    'status' => <<'END',
--- config
location = /a { return 404; }
--- request
GET /a
END
    'body' => <<'END',
--- config
location = /a { return 200 hello; }
--- request
GET /a
--- response_body
hello
END
    'body like' => <<'END',
--- config
location = /a { return 200 hello; }
--- request
GET /a
--- response_body_like: ^hi
END
    'header X-A' => <<'END',
--- config
location = /a { return 200 hello; }
--- request
GET /a
--- response_headers
X-A: 1
END
    'no header Server' => <<'END',
--- config
location = /a { return 200 hello; }
--- request
GET /a
--- response_headers
!Server
END
    'raw headers unlike' => <<'END',
--- config
location = /a { return 200 hello; }
--- request
GET /a
--- raw_response_headers_unlike: Server
END
    'error.log has "nothing"' => <<'END',
--- config
location = /a { return 200 hello; }
--- request
GET /a
--- error_log
nothing
END
    'error.log lacks "No such file"' => <<'END',
--- config
--- request
GET /a
--- error_code: 404
--- no_error_log
No such file
END
    'access.log lacks "GET /a"' => <<'END',
--- config
location = /a { return 200 hello; }
--- request
GET /a
--- no_access_log
GET /a
END
    'grep_error_log' => <<'END',
--- config
--- request
GET /a
--- error_code: 404
--- grep_error_log: No such file
--- grep_error_log_out
END
    'nginx starts, which it should not' => <<'END',
--- config
--- must_die
END
    'tcp_query' => <<'END',
--- config
location = /a {
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
    proxy_http_version 1.0;
    proxy_set_header Host b;
    proxy_set_header Connection close;
}
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_reply eval: "HTTP/1.1 200 OK\r\n\r\n"
--- tcp_query eval: "GET /b HTTP/1.0\r\nHost: b\r\nConnection: close\r\n\r\n"
--- request
GET /a
END
    'the server was silent for 0.1 s' => <<'END',
--- config
location = /a {
    proxy_pass http://127.0.0.1:$TEST_NGINX_RAND_PORT_1;
}
--- tcp_listen: $TEST_NGINX_RAND_PORT_1
--- tcp_reply eval: "HTTP/1.1 200 OK\r\n\r\n"
--- tcp_reply_delay: 2s
--- timeout: 0.1
--- request
GET /a
--- error_code eval: ''
END
    'error.log has [crit]' => <<'END',
--- config
location = /a {
    proxy_pass http://unix:$TEST_NGINX_SERVER_ROOT/none.sock;
}
--- request
GET /a
--- error_code: 502
END
    'a chunk is cut' => <<'END',
--- config
location = /a {
    add_header Transfer-Encoding chunked;
    return 200 "ff\r\nx";
}
--- request
GET /a
--- response_body chomp
END
);

# what stops the whole file

my %fatal = (
    'unknown section "responce_body"' => <<'END',
--- config
--- request
GET /
--- responce_body
END
    'unknown filter "evil"' => <<'END',
--- config
--- request evil
GET /
END
    'TEST_NGINX_NO_SUCH is not set' => <<'END',
--- config
set $a $TEST_NGINX_NO_SUCH;
--- request
GET /
END
    'several requests, but an expectation is no array' => <<'END',
--- config
--- request eval
["GET /", "GET /"]
--- error_code: 200
END
    'request": syntax error' => <<'END',
--- config
--- request eval
"GET" "/"
END
);

my $dir = tempdir(CLEANUP => 1);

# a block of nothing but truth before each, to see that it is not blamed

sub run {
    my ($block) = @_;

    open my $out, '>', "$dir/one.t" or die;
    print $out <<"END";
use Test::Nginx::Socket 'no_plan';
run_tests();
__DATA__
=== TEST 1: right
--- config
--- request
GET /
--- response_body_like: It works

=== TEST 2: wrong
$block
END
    close $out;

    # nothing of the module is meant here
    delete local @ENV{qw( TEST_NGINX_LOAD_MODULES TEST_NGINX_LD_PRELOAD
                          TEST_NGINX_PRELOAD TEST_NGINX_USE_VALGRIND )};

    return `$^X -I$FindBin::Bin/lib $dir/one.t 2>&1`;
}

for my $what (sort keys %wrong) {
    my $out = run($wrong{$what});
    my @bad = $out =~ /^not ok \d+ - (.*)$/mg;

    is_deeply(\@bad, ["TEST 2: wrong - $what"], $what) or diag($out);
}

for my $what (sort keys %fatal) {
    my $out = run($fatal{$what});

    like($out, qr/\Q$what\E/, $what);
    isnt($?, 0, "$what: the exit status says so");
}

done_testing();
