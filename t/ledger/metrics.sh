#!/bin/bash
#
# What registry_metrics and registry_status say, and that Prometheus takes it.

. "$(dirname "$0")/../lib/ledger.sh"
. "$(dirname "$0")/../lib/ledger_add.sh"

make_file v2/acme/app/manifests/1 500

"$NGX_REGISTRY" tenant set acme > /dev/null
key=$("$NGX_REGISTRY" key create --tenant acme --role registry-admin)

http_extra='registry_ledger_network a"b;'
server_extra='
location = /metrics { registry_metrics; }
location = /status { registry_status; }'

start_ledger 'registry_limit pulls count=pull per=key rate=2/30d;'


scrape() {                                      # [ACCEPT]
    curl -s -H "Accept: ${1:-*/*}" "$url/metrics"
}


says() {                                        # LINE
    scrape | grep -qxF "$1"
}


has() {                                         # LINE
    wait_for says "$1"
    ok $? "metrics: $1"
}


status() {                                      # JQ-EXPRESSION
    curl -s "$url/status" | jq -c "$1"
}


for i in 1 2 3; do
    get /v2/acme/app/manifests/1 -u "x:$key" > /dev/null
done

get /v2/acme/app/manifests/1 > /dev/null

has 'registry_decisions_total{decision="allow",reason="granted"} 2'
has 'registry_decisions_total{decision="deny",reason="no_credentials"} 1'
has 'registry_decisions_total{decision="limit",reason="rate"} 1'
has 'registry_request_duration_seconds_count{operation="pull"} 4'
has 'registry_request_duration_seconds_bucket{operation="pull",le="+Inf"} 4'
has 'registry_limit_requests_total{limit="pulls",result="passed"} 2'
has 'registry_limit_requests_total{limit="pulls",result="refused"} 1'
has 'registry_ledger_up 1'
has 'registry_ledger_rows{state="used"} 3'
has 'registry_pulls_total{tenant="acme",route="origin"} 2'
has 'registry_repository_egress_bytes{tenant="acme",repository="acme/app"} 1000'

if command -v promtool > /dev/null; then
    is "$(scrape | promtool check metrics 2>&1)" "" \
       "promtool has nothing to say to it"
fi

like "$(scrape application/openmetrics-text)" \
     '# TYPE registry_decisions counter.*# EOF$' "OpenMetrics ends as it should"
like "$(curl -sI -H 'Accept: application/openmetrics-text' "$url/metrics")" \
     'application/openmetrics-text; version=1.0.0' "and has its type"

is "$(status '.ledger.repositories[] | select(.repository == "acme/app")
    | [.tenant, .egress_bytes, .pulls]')" '["acme",1000,2]' \
   "status: the repository"
is "$(status '[.decisions[] | .requests] | add')" 4 "status: the decisions"
is "$(status '.limits[0] | [.limit, .passed, .refused]')" '["pulls",2,1]' \
   "status: the limits"
like "$(curl -s -H 'Accept: text/html,*/*' "$url/status")" '^<!DOCTYPE html>' \
     "a browser gets a page"


# Many names are a few lines, whatever is in them, and bytes stay what they are.

before=$(scrape | awk '/^registry_egress_bytes_total/ { n += $NF }
                       END { printf "%d", n }')
today=$(date -u +%F)

for i in {1..300}; do
    echo "$today tenant-$i r-$i/a\"\\\\b'<c> pull origin - $i"
done | ledger_add "$ledger"

is "$(scrape | grep -c '^registry_egress_bytes_total')
$(scrape | grep -c '^registry_repository_egress_bytes')" $'200\n20' \
   "300 tenants are 200 lines, and 300 repositories 20"
is "$(scrape | awk '/^registry_egress_bytes_total/ { n += $NF }
                    END { printf "%d", n }')" $((before + 300 * 301 / 2)) \
   "in which all bytes are"
has 'registry_repository_egress_bytes{tenant="tenant-300",repository="r-300/a\"\\\\b'"'"'<c>"} 300'
is "$(status '.ledger.repositories[] | select(.tenant == "tenant-300").repository')" \
   '"r-300/a\"\\\\b'"'"'<c>"' "and JSON stays JSON"

if command -v promtool > /dev/null; then
    is "$(scrape | promtool check metrics 2>&1)" "" \
       "promtool takes names of all kinds"
fi

finish
