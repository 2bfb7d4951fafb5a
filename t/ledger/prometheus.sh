#!/bin/bash
#
# A Prometheus scrapes a gateway: each expression of the dashboard and of the
# alerts has an answer, and what they are made of is right.

. "$(dirname "$0")/../lib/redis.sh"

rules=$top/docs/prometheus/registry.rules.yml
dashboard=$top/docs/grafana/registry.json

command -v promtool > /dev/null || skip_all "there is no promtool"

cd "$top/docs/prometheus"
runs "promtool takes the rules" promtool check rules registry.rules.yml
runs "they ring when they should" promtool test rules registry.test.yml
cd "$top"

awk '/^```yaml$/ { inside = 1; next } /^```$/ { inside = 0 } inside' \
    docs/metrics.md > "$dir/shown.yml"
runs "and the configuration that metrics.md shows" \
    promtool check config "$dir/shown.yml"

is "$(jq -r '[.panels[].id] | length - (unique | length)' "$dashboard")" 0 \
   "each panel of the dashboard is one"


# A gateway that has something to say of everything: keys and tokens, limits, a
# CDN, and a ledger that Redis gets.

start_redis
"$NGX_REGISTRY" tenant set acme > /dev/null
key=$(new_key --tenant acme --role registry-admin)
copy_records
"$NGX_REGISTRY" token keygen "$dir/token.key" 2> /dev/null
openssl rand -hex 32 > "$dir/cdn.key"
mkdir -m 777 "$dir/ledger"

more=$(free_port)
blobs=$(free_port)
http_extra="
registry_ledger $dir/ledger size=1m sync=100ms;
registry_token_key $dir/token.key;
registry_token_issuer gateway;
registry_limit pulls count=request per=key rate=2000/m;
registry_cdn edge {
    url https://cdn.example.com\$uri;
    sign hmac key_file=$dir/cdn.key;
}
server {
    listen 127.0.0.1:$blobs;
    location ~ absent { return 404; }
    location / { root $dir/files; }
}
server {
    listen 127.0.0.1:$more;
    location = /metrics { registry_metrics; }
    location = /budgets { alias $dir/budgets.prom; }
    location = /token { registry_token; }
    location /v2/ {
        registry on;
        registry_blob_route edge;
        proxy_pass http://127.0.0.1:$blobs;
    }
}"

digest=sha256:$(printf 'ab%.0s' {1..32})
mkdir -p "$dir/files/v2/acme/app/blobs"
head -c 5000 /dev/zero > "$dir/files/v2/acme/app/blobs/$digest"

# Prometheus knows of a budget from a file

"$NGX_REGISTRY" budget set tenant:acme 10TB/month > /dev/null
"$NGX_REGISTRY" budget check --ledger "$dir/ledger" \
    --metrics "$dir/budgets.prom" > /dev/null
chmod 644 "$dir/budgets.prom"

start_gateway "redis://127.0.0.1:$redis_port timeout=5s"
metrics_url=http://127.0.0.1:$more


scrape() {
    curl -s "$metrics_url/metrics"
}


value() {                                       # METRIC
    scrape | sed -n "s/^$1 //p"
}


answer() {                                      # PATH [CURL-OPTIONS]
    local path=$1

    shift
    curl -s -o /dev/null -m 5 -w '%{http_code}' "$@" "$metrics_url$path"
}


is "$(answer "/v2/acme/app/blobs/$digest" -u "x:$key")" 307 "a blob is elsewhere"
is "$(answer "/v2/acme/app/blobs/$digest" -u "x:$key")" 307 "and again"
is "$(answer "/v2/acme/absent/blobs/$digest" -u "x:$key")" 404 "another is not"
is "$(answer /token -u "x:$key")" 200 "there is a token"
is "$(answer /token -u "x:${key}0")" 401 "and none for others"

is "$(value 'registry_proofs_total{result="asked"}')
$(value 'registry_proofs_total{result="hit"}')
$(value 'registry_proofs_total{result="refused"}')" $'1\n1\n1' "proofs"
is "$(value 'registry_signatures_total{scheme="hmac",from="made"}')
$(value 'registry_signatures_total{scheme="hmac",from="cache"}')" $'1\n1' \
   "signed URLs"
is "$(value 'registry_tokens_total{result="issued"}')
$(value 'registry_tokens_total{result="refused"}')" $'1\n1' "tokens"
is "$("$top/t/lib/ledger_rows" "$dir/ledger" | grep -c '^acme - token origin -')" \
   1 "which the ledger has as such"
is "$(value 'registry_identities_total{from="worker"}')" 3 \
   "who is known is looked for nowhere"
is "$(value 'registry_record_lookups_total{from="store"}')" 3 \
   "a key, its tenant and a role come from Redis"
is "$(value registry_store_commands_total)" \
   "$(value registry_store_duration_seconds_count)" \
   "Redis has answered all that it was asked"
is "$(value registry_store_failures_total)" 0 "and failed at nothing"


# Workers of before a reload count in the same place.

before=$(value 'registry_proofs_total{result="hit"}')
kill -HUP "$gateway_pid"
wait_for logged 'gracefully shutting down'
answer "/v2/acme/app/blobs/$digest" -u "x:$key" > /dev/null
is "$(value 'registry_proofs_total{result="hit"}')" $((before + 1)) \
   "a reload forgets nothing"


# Prometheus

web=$(free_port)

cat > "$dir/prometheus.yml" <<END
global: {scrape_interval: 250ms, scrape_timeout: 250ms, evaluation_interval: 1s}
rule_files: [$rules]
scrape_configs:
  - job_name: registry
    static_configs: [{targets: ["127.0.0.1:$more"]}]
  - job_name: budgets
    metrics_path: /budgets
    static_configs: [{targets: ["127.0.0.1:$more"]}]
END

background prometheus --config.file="$dir/prometheus.yml" \
    --storage.tsdb.path="$dir/tsdb" --web.listen-address="127.0.0.1:$web" \
    > "$dir/prometheus.log" 2>&1


prometheus() {                                  # PATH [CURL-OPTIONS]
    local path=$1

    shift
    curl -s -G "http://127.0.0.1:$web/api/v1/$path" "$@"
}


# How many results an expression has, or what is wrong with it.

results() {                                     # EXPRESSION
    prometheus query --data-urlencode "query=$1" |
        jq -r 'if .status == "success" then .data.result | length
               else .error end'
}


scraped() {
    [ "$(prometheus query --data-urlencode \
        'query=min(count_over_time(up[1m]))' |
        jq -r '.data.result[0].value[1] // 0')" -ge 4 ]
}


# what there is to see is made while it looks

for i in {1..10}; do
    answer "/v2/acme/app/blobs/$digest" -u "x:$key" > /dev/null
    answer /v2/acme/app/manifests/1 > /dev/null
    sleep 0.1
done

wait_for scraped
ok $? "Prometheus scrapes"
is "$(prometheus targets | jq -c '[.data.activeTargets[].health] | unique')" \
   '["up"]' "and takes what it gets"

empty=$(jq -r '.panels[].targets[].expr' "$dashboard" |
    sed 's/\$__rate_interval/1m/g; s/\$instance/.*/g' |
    while read -r expression; do
        found=$(results "$expression")
        [ "$found" -gt 0 ] 2> /dev/null || echo "$found: $expression"
    done)
is "$empty" "" "each expression of the dashboard has an answer"

# all that an alert compares, whether it rings or not

empty=$(prometheus rules | jq -r '.data.groups[].rules[] | .query' |
    sed -E 's/ (==|<=|>) (-?[0-9.]+)/ \1 bool \2/g' |
    while read -r expression; do
        found=$(results "$expression")
        [ "$found" -gt 0 ] 2> /dev/null || echo "$found: $expression"
    done)
is "$(grep -v 'reason="internal"' <<< "$empty")" "" \
   "and each of the alerts, but of errors that there are none of"
is "$(prometheus rules | jq -r '.data.groups[].rules[] | select(.health != "ok")
    | .name + ": " + .lastError')" "" "Prometheus evaluates all of them"

# whatever metric is documented is there

seen=$(prometheus label/__name__/values | jq -r '.data[]')
lacks=$(sed -nE 's/^\| `(registry_[a-z_]+)` .*/\1/p' "$top/docs/metrics.md" |
    while read -r name; do
        grep -qE "^${name}(_count)?$" <<< "$seen" || echo "$name"
    done)
is "$lacks" "" "all that is documented is there"

finish
