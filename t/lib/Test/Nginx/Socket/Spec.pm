package Test::Nginx::Socket::Spec;

# Copyright (C) ngx_http_registry_module authors
#
# Reads the blocks behind __DATA__, as Test::Base does: a block begins with
# "=== name", a section with "--- name [filter]..." and its text, or with
# "--- name: text" on one line.

use strict;
use warnings;


# What a block may hold.  A misspelt section would silently check nothing, so
# all others are refused; each of these means what it means upstream.

my %known = map { $_ => 1 } qw(
    abort access_log config error_code error_code_like error_log
    grep_error_log grep_error_log_out http2 http_config ignore_response init
    log_level main_config more_headers must_die no_access_log no_error_log
    pipelined_requests raw_request raw_response_headers_like
    raw_response_headers_unlike request response_body response_body_filters
    response_body_like response_body_unlike response_headers
    response_headers_like skip_eval skip_nginx tcp_listen tcp_query tcp_query_len tcp_reply tcp_reply_delay
    timeout user_files wait ONLY SKIP LAST
);


# Returns the blocks that are to run, in order.

sub parse {
    my ($file, $text) = @_;

    my @blocks;

    for my $hunk ($text =~ /^(===.*?)(?=^===|\z)/msg) {
        my $block = Test::Nginx::Socket::Block->new($file, $hunk, \%known);

        if ($block->has('ONLY')) {
            Test::More::diag("$file: ONLY is set in \"" . $block->name . '"');
            @blocks = ($block);
            last;
        }

        next if $block->has('SKIP');

        push @blocks, $block;

        last if $block->has('LAST');
    }

    $_->run_filters for @blocks;

    return @blocks;
}


package Test::Nginx::Socket::Block;

our $AUTOLOAD;


sub new {
    my ($class, $file, $hunk, $known) = @_;

    $hunk =~ s/\A===[ \t]*(.*)\s+// or die "$file: block without a name\n";

    my $self = bless {
        name => $1, filters => {}, order => [], values => {}
    }, $class;

    # the text before the first section describes the block
    my (undef, @parts) = split /^--- +(\w+) *(.*)\n/m, $hunk, -1;

    while (@parts) {
        my ($section, $filters, $value) = splice @parts, 0, 3;

        $value //= '';

        die qq{$file: "$self->{name}": unknown section "$section"\n}
            if !$known->{$section};

        die qq{$file: "$self->{name}": section "$section" is there twice\n}
            if exists $self->{values}{$section};

        if ($filters =~ /:(\s|\z)/) {
            die qq{$file: "$self->{name}": text below "--- $section:"\n}
                if $value =~ /\S/;

            ($filters, $value) = split /\s*:(?:\s+|\z)/, $filters, 2;
            $value //= '';
            $value =~ s/\A\s+|\s+\z//g;
        }

        $self->{values}{$section} = $value;
        $self->{filters}{$section} = [split ' ', $filters];
        push @{$self->{order}}, $section;
    }

    return $self;
}


# An absent section is undef, an empty one is ''.

sub AUTOLOAD {
    my $self = shift;

    (my $section = $AUTOLOAD) =~ s/.*:://;

    return if $section eq 'DESTROY';

    return $self->{values}{$section};
}


sub name {
    return $_[0]{name};
}


sub has {
    my ($self, $section) = @_;

    return exists $self->{values}{$section};
}


sub set_value {
    my ($self, $section, $value) = @_;

    if ($section eq 'name') {
        $self->{name} = $value;
        return;
    }

    $self->{values}{$section} = $value;
}


sub run_filters {
    my ($self) = @_;

    for my $section (@{$self->{order}}) {
        my $value = $self->{values}{$section};

        # "norm" and "trim", which Test::Base applies to every section
        $value =~ s/\r\n?/\n/g;
        $value =~ s/\A([ \t]*\n)+//;
        $value =~ s/(?<=\n)\s*\z//;

        for my $filter (@{$self->{filters}{$section}}) {

            if ($filter eq 'chomp') {
                chomp $value;

            } elsif ($filter eq 'chop') {
                chop $value;

            } elsif ($filter eq 'eval') {
                $value = Test::Nginx::Socket::Filter::run($value);

                die qq{"$self->{name}", section "$section": $@} if $@;

            } else {
                die qq{"$self->{name}": unknown filter "$filter"\n};
            }
        }

        $self->{values}{$section} = $value;
    }
}


package Test::Nginx::Socket::Filter;

# Upstream, too, evaluates in a package that is not main: variables of the
# file are reached as $::name, its functions as main::name().

sub run {
    my @values = eval $_[0];

    return $values[0];
}

1;
