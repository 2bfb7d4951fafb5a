#!/bin/bash
#
# The scrape of a ledger with many rows: others are answered meanwhile, whoever
# leaves leaves nothing behind, and the sums are right.

. "$(dirname "$0")/../lib/ledger.sh"
. "$(dirname "$0")/../lib/ledger_add.sh"

many=30000

"$NGX_REGISTRY" tenant set acme > /dev/null

server_extra='
location = /metrics { registry_metrics; }
location = /status { registry_status; }'
ledger_options="size=64m"

start_ledger


today=$(date -u +%F)

for ((i = 1; i <= many; i++)); do
    echo "$today tenant-$((i % 50)) r-$i/a pull origin - $i"
done | ledger_add "$ledger"


# Sums of 1 to $many

total=$((many * (many + 1) / 2))

is "$(curl -s "$url/metrics" | awk '/^registry_egress_bytes_total/ { n += $NF }
                                    END { printf "%d", n }')" "$total" \
   "metrics have all bytes"
is "$(curl -s "$url/metrics" | awk '
    /^registry_repository_egress_bytes/ { n += $NF; lines++ }
    END { printf "%d %d", lines, n }')" "20 $total" \
   "of 20 repositories, the last one being all others"
is "$(curl -s "$url/status" | jq '[.ledger.tenants[].egress_bytes] | add')" \
   "$total" "the status, too"
is "$(curl -sI "$url/metrics" | head -n 1 | tr -d '\r')" "HTTP/1.1 200 OK" \
   "HEAD waits for the same"
is "$(curl -sk --http2 "$tls/metrics" | awk '
    /^registry_egress_bytes_total/ { n += $NF } END { printf "%d", n }')" \
   "$total" "and HTTP/2"


# Two connections to the one worker, a scrape first and then a request that is
# refused at once: who is answered first?

first_answer() {                                # PATH
    perl -MIO::Socket::INET -MIO::Select -e '
        my ($port, @path) = @ARGV;
        my (%name, @all);

        for my $path (@path) {
            my $s = IO::Socket::INET->new(PeerAddr => "127.0.0.1:$port")
                or die "connect: $!\n";
            print $s "GET $path HTTP/1.1\r\nHost: t\r\n\r\n";
            $name{$s} = $path;
            push @all, $s;
        }

        my @ready = IO::Select->new(@all)->can_read(20);
        print join(" ", map { $name{$_} } @ready), "\n";
    ' "$port" "$1" /v2/acme/app/tags/list
}


for path in /metrics /status; do
    is "$(first_answer $path)" /v2/acme/app/tags/list \
       "$path lets others be answered meanwhile"
done


# Forty who do not wait, and a reload in the middle of one

for ((i = 0; i < 40; i++)); do
    curl -s -o /dev/null -m 0.03 "$url/metrics" &
    gone+=($!)
done

wait "${gone[@]}"

curl -s "$url/metrics" > "$dir/over" &
over=$!
kill -HUP "$gateway_pid"
wait "$over"
ok $? "a scrape outlives a reload"
is "$(awk '/^registry_egress_bytes_total{tenant="tenant/ { n += $NF }
           END { printf "%d", n }' "$dir/over")" "$total" "with all bytes"

is "$(curl -s "$url/metrics" | grep -c '^registry_ledger_up 1$')" 1 \
   "the next one is answered"
is "$(grep -cE '\[(alert|emerg|crit)\]' "$errors")" 0 "there are no alerts"

finish
