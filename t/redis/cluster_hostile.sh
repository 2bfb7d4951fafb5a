#!/bin/bash
#
# Nodes of a cluster that lead in circles, to nobody, or nowhere, and such as
# say what is no answer: a question ends, and nobody is let in by it, or told
# that there is no such key.

. "$(dirname "$0")/../lib/redis.sh"

# Keys are made once, and each is used once: it has not been asked for yet.

perl -I"$top/t/lib" -MRegistry::TestKeys -MJSON::PP=encode_json -e '
    sub record {
        open my $file, ">", "$ARGV[0]/registry:$_[0]" or die;
        print $file encode_json($_[1]);
    }

    mkdir $ARGV[0];
    record("tenant:acme", tenant("acme"));

    for (map { "k${_}x" } 1 .. 999) {
        record("key:" . key_id($_),
               key_record($_, roles => ["image-puller"]));
        print key($_), "\n";
    }
' "$dir/records" > "$dir/keys"
mapfile -t keys < "$dir/keys"

first=$(free_port)
second=$(free_port)
untracked=1

background "$top/t/lib/fake_cluster" "$dir" 127.0.0.1 "$first" "$second" \
    2> "$dir/fake.log"
wait_for listens "$second"


echo 0 > "$dir/n"

next_key() {
    local n=$(< "$dir/n")

    echo $((n + 1)) > "$dir/n"
    key=${keys[n]}
}


# What a node says: commands with their replies, and of the cluster the epoch
# and what host and port have all its slots.

says() {                                        # PORT [REGEX REPLY]...
    local node=$1

    shift
    printf '%s\t%s\n' "$@" "${cluster[@]}" > "$dir/$node.new"
    mv "$dir/$node.new" "$dir/$node.rules"
    : > "$dir/$node.log"
}

cluster_is() {                                  # HOST PORT [EPOCH] [STATE]
    local info="cluster_state:${4-ok}\\r\\ncluster_current_epoch:${3-1}"

    cluster=("CLUSTER INFO" "\$$((${#info} - 2))\\r\\n$info\\r\\n"
        "CLUSTER SLOTS" "*1\\r\\n*3\\r\\n:0\\r\\n:16383\\r\\n*2\\r\\n$(
            )\$${#1}\\r\\n$1\\r\\n:$2\\r\\n")
}

questions() {                                   # how often both were asked for it
    cat "$dir/$first.log" "$dir/$second.log" |
        grep -c "GET registry:key:$(key_id "$key")"
}

serves() {
    next_key
    [ "$(status_of "$key")" = 200 ]
}

answer_is() {                                   # STATUS QUESTIONS
    : > "$dir/$first.log"
    : > "$dir/$second.log"
    next_key
    [ "$(status_of "$key") $(questions)" = "$1 $2" ]
}

# A key that is known is asked for again at each request.

asks_again() {
    next_key
    status_of "$key" > /dev/null
    status_of "$key" > /dev/null
    [ "$(questions)" = 2 ]
}

log_level=notice
http_extra='registry_cache negative=1s;'
moved="-MOVED %SLOT 127.0.0.1"
ask="-ASK %SLOT 127.0.0.1"


# Redirections

cluster_is 127.0.0.1 "$first"
says "$first"
says "$second"
start_gateway "redis+cluster://127.0.0.1:$first timeout=2s"
runs "a cluster of one primary" wait_for serves

answer_to() {                                   # NAME STATUS QUESTIONS
    next_key
    is "$(status_of "$key") $(questions)" "$2 $3" "$1"
}

says "$first" "GET registry:key" "$moved:$second\\r\\n"
answer_to "MOVED: another is asked" 200 2
says "$first" "GET registry:key" "-MOVED %SLOT :$second\\r\\n"
answer_to "MOVED to a port of the same host" 200 2
says "$second" "GET registry:key" "$moved:$first\\r\\n"
answer_to "MOVED in a circle" 503 6
says "$first" "GET registry:key" "$moved:$first\\r\\n"
answer_to "MOVED to itself" 503 6
says "$first" "GET registry:key" "-MOVED 1 127.0.0.1:$second\\r\\n"
answer_to "MOVED of another slot" 503 1
for where in 127.0.0.1:0 127.0.0.1:99999 127.0.0.1 '?:1' '' '127.0.0.1:1 x' \
    "/etc/passwd:$second" "localhost\`id\`:$second"
do
    says "$first" "GET registry:key" "-MOVED %SLOT $where\\r\\n"
    answer_to "MOVED to \"${where/$second/1}\"" 503 1
done
says "$first" "GET registry:key" "$moved:$(free_port)\\r\\n"
answer_to "MOVED to where nobody listens" 503 1

says "$first" "GET registry:key" "$ask:$second\\r\\n"
says "$second"
answer_to "ASK: another is asked" 200 2
like "$(grep -B 1 "GET registry:key" "$dir/$second.log" | paste -sd ' ')" \
    '^([0-9]+) ASKING \1 GET registry:key:[^ ]*$' "just behind an ASKING"
says "$second" "GET registry:key" "$ask:$first\\r\\n"
answer_to "ASK in a circle" 503 6
says "$second" ASKING "-NOPERM no\\r\\n"
answer_to "ASKING is refused" 503 2
logged 'Redis refuses a lookup: NOPERM no'
ok $? "the log says so"
says "$second" ASKING '$1048577\r\n'
answer_to "ASKING is answered with something else" 503 2
says "$second"
runs "what was wrong with a connection is over" wait_for serves

tryagain="-TRYAGAIN not yet\\r\\n"
says "$first" "GET registry:key" "$tryagain | $tryagain | $ask:$second\\r\\n"
answer_to "TRYAGAIN: asked again, until there is an answer" 200 4
says "$first" "GET registry:key" "$tryagain"
answer_to "TRYAGAIN for ever" 503 6

many=
for i in {1..30}; do many+="-MOVED %SLOT 127.0.0.$((i + 1)):$first\\r\\n | "; done
says "$first" "GET registry:key" "${many% | }"
SECONDS=0
is "$(for i in {1..30}; do next_key; status_of "$key"; echo; done | sort -u)" \
    503 "MOVED to ever new hosts"
hosts=$(grep -oE 'Redis at "127\.0\.0\.[0-9]+' "$errors" | sort -u | grep -c .)
[ "$hosts" -le $((17 * (1 + SECONDS / 10))) ]
ok $? "of which no more than 16 are tried at a time"
diag "hosts in the log: $hosts"
says "$first"
runs "and all is well" wait_for serves


# Maps

another_map() {                                 # asked for, because of a MOVED
    : > "$dir/$first.log"
    next_key
    status_of "$key" > /dev/null
    wait_for grep -q "CLUSTER SLOTS" "$dir/$first.log"
}

for text in ':1' '$-1' '-ERR no' '*1\r\n*0' '*1\r\n*3\r\n:0\r\n:99999\r\n:1' \
    '*1\r\n*3\r\n:0\r\n:16383\r\n*2\r\n$3\r\na/b\r\n:1'
do
    says "$first" "CLUSTER SLOTS" "$text\\r\\n" \
        "GET registry:key" "$moved:$second\\r\\n"
    another_map
    says "$first" "CLUSTER SLOTS" "$text\\r\\n"
    answer_to "a map that is \"$text\": the known one is kept" 200 1
done

runs "the log says so" logged 'does not tell of its cluster: it is no list'

says "$first" "CLUSTER SLOTS" "*0\\r\\n" "GET registry:key" "$moved:$second\\r\\n"
another_map
runs "a map without slots: nobody is asked" wait_for answer_is 503 0
cluster_is '' "$first"
says "$first"
runs "a map of a host without a name: who answers is it" wait_for answer_is 200 1
cluster_is '?' "$first" 2
says "$first"
runs "a map of a host that is not known: nobody is asked" \
    wait_for answer_is 503 0
cluster_is 127.0.0.1 "$first" 3
says "$first"
runs "and all is well" wait_for serves

half="\$9\\r\\n127.0.0.1\\r\\n:$first\\r\\n"
says "$first" "CLUSTER SLOTS" "*2\\r\\n*3\\r\\n:0\\r\\n:99\\r\\n*2\\r\\n\$0\\r\\n\\r\\n$(
    )":$first"\\r\\n*3\\r\\n:100\\r\\n:16383\\r\\n*2\\r\\n$half" \
    "GET registry:key" "$moved:$second\\r\\n"
another_map
says "$first"
runs "a map of one primary by two names: all is well" wait_for serves

info='$21\r\ncluster_state:perhaps\r\n'
says "$first" "CLUSTER INFO" "$info"
runs "a state that is none: each record is asked for" wait_for asks_again
cluster_is 127.0.0.1 "$first" 3 fail
says "$first"
runs "the cluster is down" wait_for answer_is 503 1
cluster_is 127.0.0.1 "$second" 4
says "$second"
cluster_is 127.0.0.1 "$second" 4
says "$first"
wait_for answer_is 200 1
ok $? "all slots have another primary"
is "$(grep -c "GET registry:key:$(key_id "$key")" "$dir/$second.log")" 1 \
    "which is asked"
stop_gateway


# Who is right?

begin_with_both() {                             # NAME PORT
    start_gateway "redis+cluster://127.0.0.1:$first,127.0.0.1:$second \
timeout=2s"
    wait_for serves
    is "$(grep -c "GET registry:key:$(key_id "$key")" "$dir/$2.log")" 1 "$1"
    stop_gateway
}

cluster_is 127.0.0.1 "$first" 7
says "$first"
cluster_is 127.0.0.1 "$second" 8
says "$second"
begin_with_both "of two maps that of the later epoch counts" "$second"
cluster_is 127.0.0.1 "$first" 9 fail
says "$first"
begin_with_both "but not that of a node whose cluster is down" "$second"


# IPv6

if [ -e /proc/net/if_inet6 ] && grep -q ' lo$' /proc/net/if_inet6; then
    third=$(free_port)
    background "$top/t/lib/fake_cluster" "$dir" ::1 "$third"
    cluster_is ::1 "$third"
    says "$third"
    start_gateway "redis+cluster://[::1]:$third timeout=2s"
    runs "IPv6: a cluster is found" wait_for serves
    stop_gateway

    cluster_is 127.0.0.1 "$first"
    says "$first" "GET registry:key" "-MOVED %SLOT ::1:$third\\r\\n"
    start_gateway "redis+cluster://127.0.0.1:$first timeout=2s"
    wait_for serves
    ok $? "and MOVED to such an address followed"
    like "$(< "$dir/$third.log")" "GET registry:key:$(key_id "$key")" \
        "which is asked"
    stop_gateway
fi

! grep -E '\[(alert|emerg)\]|AddressSanitizer|runtime error' "$errors"
ok $? "nothing alarming in the log"

finish
