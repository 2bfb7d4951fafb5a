#!/bin/bash
#
# What a gateway asks Redis, and how often.

. "$(dirname "$0")/../lib/redis.sh"

start_redis
"$NGX_REGISTRY" tenant set acme > /dev/null
"$NGX_REGISTRY" role set puller --scope 'repository:acme/**:pull' > /dev/null
key=$(new_key --tenant acme --role puller)
second=$(new_key --tenant acme --role puller)
third=$(new_key --tenant acme --role puller)
copy_records
start_gateway

# a first lookup: the key, then tenant and role in one go

reset_calls
is "$(status_of "$key")" 200 "a key in Redis is known"
is "$(calls get)" 3 "its record, the tenant's and the role's are asked for"

reset_calls
for i in {1..50}; do status_of "$key" > /dev/null; done
is "$(calls get)" 0 "a warm request asks nothing"

reset_calls
is "$(status_of "$second")" 200 "another key of the tenant"
is "$(calls get)" 1 "takes one question, as tenant and role are known"

# many at once for one that nobody knows yet

reset_calls
ab -q -n 1000 -c 200 -A "x:$third" "$url/v2/acme/app/manifests/1" \
    > "$dir/ab.log" 2>&1
is "$(sed -n 's/^Complete requests: *//p' "$dir/ab.log")" 1000 \
   "1,000 requests for one cold key are answered"
is "$(grep -c 'Non-2xx' "$dir/ab.log")" 0 "each with 200"
is "$(calls get)" 1 "with one lookup"

# what cannot be a key costs nothing

reset_calls
for i in {1..50}; do
    status_of "${key%??????}$(printf %06d "$i")" > /dev/null
done
is "$(calls get)" 0 "50 keys with a bad checksum cost no command"

unknown=$("$NGX_REGISTRY" --store "file:$dir/other.json" tenant set acme \
    > /dev/null; "$NGX_REGISTRY" --store "file:$dir/other.json" \
    key create --tenant acme)
is "$(status_of "$unknown")" 401 "a key that Redis does not have"
reset_calls
for i in {1..20}; do status_of "$unknown" > /dev/null; done
is "$(calls get)" 0 "is asked for once"

"$NGX_REGISTRY" --store "file:$dir/other.json" store export |
    jq -c ".keys[\"${unknown:4:12}\"]" | tr -d '\n' |
    redis -x set "registry:key:${unknown:4:12}" > /dev/null
is "$(status_of "$unknown" /v2/)" 200 "and known as soon as it is there"

# changes

revoke "$second"
is "$(status_of "$second")" 401 "a revoked key is refused at the next request"
is "$(status_of "$key")" 200 "another is not"

redis set registry:tenant:acme \
    '{"version":1,"name":"acme","suspended":true}' > /dev/null
is "$(status_of "$key")" 403 "a suspended tenant is refused"
redis set registry:tenant:acme '{"version":1,"name":"acme"}' > /dev/null
is "$(status_of "$key")" 200 "and served again"

redis del "registry:key:${key:4:12}" > /dev/null
is "$(status_of "$key")" 401 "a deleted key is refused"

redis flushall > /dev/null
is "$(status_of "$third")" 401 "an empty Redis has no keys"
copy_records
is "$(status_of "$third")" 200 "a restored one has"

redis set "registry:key:${third:4:12}" '{"version":1,"id":"x"}' > /dev/null
is "$(status_of "$third")" 500 "a broken record lets nobody in"

redis set "registry:key:${third:4:12}" '{"version":2}' > /dev/null
is "$(status_of "$third")" 403 "nor does one of a later version"

redis del "registry:key:${third:4:12}" > /dev/null
redis lpush "registry:key:${third:4:12}" x > /dev/null
is "$(status_of "$third")" 503 "a key of another type is no answer"

finish
