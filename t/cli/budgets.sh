#!/bin/bash
#
# Budgets, and who is told of them.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"
. "$(dirname "$0")/../lib/ledger_add.sh"

today=$(date -u +%F)
month=${today%??}01
ledger=$dir/ledger


used() {                                        # TENANT GB
    echo "$today $1 $1/app pull origin net ${2}000000000 0 0 0 1 1 0" |
        ledger_add "$ledger"
}

check() {
    reg budget check --ledger "$ledger" "$@"
}


reg tenant set acme --label cost_center=4711
reg tenant set globex --label cost_center=4711

prints "budget set" "" reg budget set tenant:acme 10GB/month --alert 50,80,100
prints "of a label, too" "" reg budget set label:cost_center=4711 1TB/month
prints "budget list" \
   "SUBJECT                 AMOUNT      ALERTS
tenant:acme             10GB/month  50 %, 80 %, 100 %
label:cost_center=4711  1TB/month   80 %, 100 %" reg budget list
is "$(reg budget list --format json | jq -c '.[0]')" \
   '{"subject":"tenant:acme","amount":"10GB/month","alerts":[50,80,100]}' \
   "budget list is JSON"
says "what is so already is no change" \
    "nothing to do: budget tenant:acme is like that" \
    reg budget set tenant:acme 10GB/month
refuses "a subject is one" 2 \
    'budget "acme": name: a budget is for tenant:NAME or for label:NAME=VALUE, without quotes and backslashes' \
    reg budget set acme 1TB/month
refuses "and has an amount" 2 "AMOUNT is missing" reg budget set tenant:acme
refuses "for a period" 2 \
    'budget "tenant:acme": amount: "10TB" is no quota, write bytes and a period, such as 10TB/month' \
    reg budget set tenant:acme 10TB
refuses "alerts are percentages" 2 \
    "--alert takes percentages from 1 to 1000, such as 50,80,100" \
    reg budget set tenant:acme 10TB/month --alert 50%
is "$(reg store export | jq -c .budgets)" \
   '{"tenant:acme":{"version":1,"name":"tenant:acme","amount":"10GB/month","alerts":[50,80,100]},"label:cost_center=4711":{"version":1,"name":"label:cost_center=4711","amount":"1TB/month","alerts":[80,100]}}' \
   "a budget in the store"

# who is told, and once

used acme 7
is "$(check 2> "$dir/told")" \
   "SUBJECT                 SINCE       AMOUNT         USED  PERCENT  ALERT
tenant:acme             $month  10GB/month  7.00 GB       70     50
label:cost_center=4711  $month  1TB/month   7.00 GB        0      -" \
   "budget check"
is "$(< "$dir/told")" \
   "ngx-registry: budget tenant:acme: 50 % of 10GB/month is used: 7.00 GB since $month" \
   "tells of what was crossed"
is "$(check 2>&1 > /dev/null)" "" "once"
is "$(reg budget check --ledger "$ledger" --format json | jq -c '.[0]')" \
   "{\"subject\":\"tenant:acme\",\"since\":\"$month\",\"amount\":\"10GB/month\",\"used\":7000000000,\"percent\":70,\"alert\":50}" \
   "budget check is JSON"

used acme 5
used globex 788
for i in {1..8}; do
    check > /dev/null 2>> "$dir/parallel" &
    checkers[i]=$!
done
wait "${checkers[@]}"
is "$(sed 's/: [0-9.]* GB.*//' "$dir/parallel" | sort)" \
   "ngx-registry: budget label:cost_center=4711: 80 % of 1TB/month is used
ngx-registry: budget tenant:acme: 100 % of 10GB/month is used
ngx-registry: budget tenant:acme: 80 % of 10GB/month is used" \
   "of eight at once, one tells of each"

runs "another amount" reg budget set tenant:acme 20GB/month
is "$(check 2>&1 > /dev/null)" \
   "ngx-registry: budget tenant:acme: 50 % of 20GB/month is used: 12.0 GB since $month" \
   "is another budget"

# metrics

check --metrics "$dir/budget.prom" > /dev/null
is "$(grep -v '^#' "$dir/budget.prom")" \
   'registry_budget_used_ratio{budget="tenant:acme"} 0.600000
registry_budget_used_ratio{budget="label:cost_center=4711"} 0.800000' \
   "a file of metrics"

# the webhook

port=$(free_port)
url=http://127.0.0.1:$port/hook
printf 'a secret of some length\n' > "$dir/secret"

reg budget set tenant:globex 1TB/month --alert 10
fails "a webhook that is not there" "budget tenant:globex: the webhook: .*; the next check tries again" \
    check --webhook "$url"
background "$top/t/lib/webhook" "$port" "$dir"
wait_for listens "$port"
echo 503 > "$dir/answers"
fails "or fails" "the webhook answers 503; the next check" \
    check --webhook "$url"
check --webhook "$url" --secret-file "$dir/secret" > /dev/null 2>&1
check --webhook "$url" --secret-file "$dir/secret" > /dev/null 2>&1
is "$(cut -d' ' -f1,2 "$dir/posts")" "503 application/json
200 application/json" "is told once it is there, and once only"

body=$(tail -1 "$dir/posts" | cut -d' ' -f4-)
is "$(jq -c 'del(.time)' <<< "$body")" \
   "{\"type\":\"budget\",\"budget\":\"tenant:globex\",\"amount\":\"1TB/month\",\"since\":\"$month\",\"alert_percent\":10,\"used_percent\":78,\"amount_bytes\":1000000000000,\"used_bytes\":788000000000}" \
   "what it is told"
is "$(tail -1 "$dir/posts" | cut -d' ' -f3)" \
   "sha256=$(printf %s "$body" |
       openssl dgst -sha256 -hmac "$(< "$dir/secret")" | sed 's/.*= //')" \
   "and who says so"
refuses "a secret signs something" 2 \
    "--secret-file signs what goes to a --webhook, and there is none" \
    check --secret-file "$dir/secret"
echo short > "$dir/short"
refuses "and is one" 2 "$dir/short: a secret has 16 to 4096 bytes" \
    check --webhook "$url" --secret-file "$dir/short"
refuses "a webhook speaks HTTP" 2 \
    "--webhook must begin with https:// or http://" check --webhook file:///x

prints "budget remove" "" reg budget remove tenant:globex
refuses "removes it" 1 "there is no budget tenant:globex" \
    reg budget remove tenant:globex

finish
