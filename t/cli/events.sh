#!/bin/bash
#
# events deliver: from the log to webhooks, across rotation and failures.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"

log=$dir/logs/access.log
place=$dir/place
dead=$dir/dead
posts=$dir/posts
mkdir "$dir/logs"

sum=sha256:$(printf '0%.0s' {1..64})
n=0


# A line of the log, with some members in place of others.

line() {                                        # [MEMBERS]
    n=$((n + 1))
    jq -nc --arg n "$n" --arg sum "$sum" '{
        time: "2026-01-31T12:00:00+00:00", id: $n, host: "registry.example.com",
        address: "192.0.2.7", tenant: "acme", key: "7rZkV0aQ3mXw",
        operation: "pull", repository: "acme/app", reference: "v1",
        decision: "allow", reason: "granted",
        request: "GET /v2/acme/app/manifests/v1 HTTP/1.1", status: 200,
        bytes: 500, digest: $sum, request_type: "", request_length: "",
        response_type: "application/vnd.oci.image.manifest.v1+json",
        response_length: "500", seconds: 0.001, agent: "docker/24"
    } + $more' --argjson more "${1:-{\}}" >> "$log"
}

deliver() {
    reg events deliver --log "$log" --place "$place" "$@"
}

once() {
    deliver --webhook "$url" --once "$@"
}

# The ids of what was taken by the webhook, since the last time.

taken() {
    grep '^2' "$posts" 2> /dev/null | cut -d' ' -f4- |
        jq -r '.id // .events[].id' | xargs
    rm -f "$posts"
}

# A file is over two seconds after somebody wrote to it.

quiet() {                                       # FILE...
    touch -d '5 seconds ago' "$@"
}


port=$(free_port)
url=http://127.0.0.1:$port/events
background "$top/t/lib/webhook" "$port" "$dir"
wait_for listens "$port"


# what is an event

line
line '{"request":"HEAD /v2/acme/app/manifests/v1 HTTP/1.1"}'
line '{"request":"PUT /v2/acme/app/manifests/v1 HTTP/1.1","operation":"push",
       "status":201,"request_type":"application/json","request_length":"77"}'
line '{"request":"POST /v2/acme/app/blobs/uploads/ HTTP/1.1","status":202,
       "operation":"push","reference":""}'
line '{"request":"PUT /v2/acme/app/blobs/uploads/u?digest=d HTTP/1.1",
       "operation":"push","status":201,"reference":"u","request_length":"9"}'
line '{"operation":"mount","status":201}'
line '{"operation":"mount","status":202}'
line '{"operation":"delete","status":202,"digest":"","reference":"'$sum'"}'
line '{"operation":"pull","status":403}'
line '{"request":"GET /v2/acme/app/blobs/'$sum' HTTP/1.1","status":307,
       "reference":"'$sum'","digest":""}'
line '{"operation":"catalog","repository":""}'

runs "events are delivered" once
cp "$posts" "$dir/first"
is "$(taken)" "1 3 5 6 8 10" "those that are some"
runs "and once" once
is "$(taken)" "" "only"

event() { sed -n "$1p" "$dir/first" | cut -d' ' -f4- | jq -c "$2"; }
is "$(event 1 .)" \
   '{"events":[{"id":"1","timestamp":"2026-01-31T12:00:00+00:00","action":"pull","target":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"'$sum'","repository":"acme/app","size":500,"length":500,"tag":"v1"},"request":{"id":"1","addr":"192.0.2.7","host":"registry.example.com","method":"GET","useragent":"docker/24"},"actor":{"name":"acme"},"source":{"addr":"registry.example.com"}}]}' \
   "as Distribution has it"
is "$(cut -d' ' -f2 "$dir/first" | sort -u)" \
   application/vnd.docker.distribution.events.v1+json "with its type"
is "$(event 2 '.events[0] | [.action, .target.mediaType, .target.size]')" \
   '["push","application/json",77]' "a manifest is pushed"
is "$(event 3 '.events[0] | [.action, .target.mediaType, .target.size]')" \
   '["push","application/octet-stream",null]' "and a blob"
is "$(event 6 '.events[0].target | [.digest, .tag, .size]')" \
   "[\"$sum\",null,null]" "a blob is pulled elsewhere"

printf 'a secret of some length\n' > "$dir/secret"
line
runs "CloudEvents" once --as cloudevents --secret-file "$dir/secret"
body=$(cut -d' ' -f4- "$posts")
is "$(jq -c . <<< "$body")" \
   '{"specversion":"1.0","id":"12","source":"//registry.example.com","type":"registry.manifest.pull","subject":"acme/app@'$sum'","time":"2026-01-31T12:00:00+00:00","datacontenttype":"application/json","data":{"action":"pull","target":{"mediaType":"application/vnd.oci.image.manifest.v1+json","digest":"'$sum'","repository":"acme/app","size":500,"length":500,"tag":"v1"},"tenant":"acme","key":"7rZkV0aQ3mXw","address":"192.0.2.7","agent":"docker/24"}}' \
   "are CloudEvents"
is "$(cut -d' ' -f2,3 "$posts")" \
   "application/cloudevents+json sha256=$(printf %s "$body" |
       openssl dgst -sha256 -hmac "$(< "$dir/secret")" | sed 's/.*= //')" \
   "and signed"
taken > /dev/null


# failures

line
line
printf '503\n200\n429\n' > "$dir/answers"
runs "a webhook that fails is asked again" once --retries 2
is "$(taken)" "13 14" "until it takes what it is told, in order"
line
printf '500\n500\n' > "$dir/answers"
fails "or the next run does" "the webhook answers 500; the next run tries again" \
    once --retries 1
taken > /dev/null
runs "that is" once
is "$(taken)" 15 "from there on"

line
line
printf '400\n' > "$dir/answers"
says "what is refused" "a line is not delivered: the webhook answers 400" \
    once --dead-letter "$dead"
is "$(taken)" 17 "does not keep others back"
is "$(jq -c '[.error, (.line | fromjson | .id)]' "$dead")" \
   '["the webhook answers 400","16"]' "and is kept"

echo '{"time":"cut' >> "$log"
printf '{"agent":"\xff\xfe"}\n' >> "$log"
line
once --dead-letter "$dead" 2> /dev/null
is "$(taken)" 18 "nor does a line that is broken"
is "$(tail -n +2 "$dead" | jq -r .line)" \
   "$(printf '{"time":"cut\n14 bytes')" "which is kept, too"
line "{\"agent\":\"x\"}"
sed -i '$ s/"agent":"x"/"agent":"\xff\xc3"/' "$log"
once
is "$(grep -c '"useragent":"??"' "$posts")" 1 "no client can hide by its name"
taken > /dev/null


# rotation

line
mv "$log" "$log.1"
line
quiet "$log.1"
once
is "$(taken)" "20 21" "a log that was renamed is read to its end"
line
mv "$log.1" "$log.2"
mv "$log" "$log.1"
line
mv "$log.2" "$log.3"
mv "$log.1" "$log.2"
mv "$log" "$log.1"
line
touch -d '6 seconds ago' "$log.3"
quiet "$log.2"
touch -d '4 seconds ago' "$log.1"
once
is "$(taken)" "22 23 24" "twice, while nobody looked"
line
cp "$log" "$log.4"
: > "$log"
line
touch -d '3 seconds ago' "$log.4"
once
is "$(taken)" "25 26" "one that was copied and truncated, from its copy"
once
is "$(taken)" "" "and no further"
rm "$log".*
: > "$log"
line
says "what is lost" ".*: what comes next is in no file any more, and may be lost; going on at the beginning of $log" \
    once
is "$(taken)" 27 "is said"


# as a service

follow() {
    background "$tool" events deliver --log "$log" --place "$place" \
        --webhook "$url"
    service=$!
}

follow
line
wait_for grep -q '"id":"28"' "$posts"
ok $? "it follows"
fails "two do not go on from one place" "somebody else goes on from there" once
mv "$log" "$log.1"
line
quiet "$log.1"
line
wait_for grep -q '"id":"30"' "$posts"
is "$(taken)" "28 29 30" "through a rotation"
stop "$service"
line
once
is "$(taken)" 31 "and leaves its place when it is stopped"
line
printf '%s\n' {500..500}{,,,,,,,,,,,,,,,} > "$dir/answers"
follow 2> /dev/null
wait_for test -s "$posts"
stop "$service" KILL
rm "$posts" "$dir/answers"
once
is "$(taken)" 32 "a kill loses none"


# what is wrong

refuses "somewhere is to" 2 "where to? --webhook or --stream says so" \
    deliver
refuses "a place is one" 2 "$dir/secret: is no place in a log of version 1" \
    reg events deliver --log "$log" --place "$dir/secret" --webhook "$url"
is "$(< "$dir/secret")" "a secret of some length" "and else stays as it is"
refuses "--as has its words" 2 "--as is distribution or cloudevents" \
    deliver --webhook "$url" --as xml
refuses "a file is no stream" 2 "--stream needs a --store that is a Redis" \
    deliver --stream events

finish
