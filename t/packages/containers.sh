#!/bin/bash
#
# What docker/ gives to others is what they take, as far as a tool of theirs is
# installed: Compose, Prometheus, and what Grafana is provisioned with.

set -uo pipefail
. "$(dirname "$0")/../lib/sandbox.sh"

python3 -c "import yaml" 2> /dev/null || skip_all "python3 has no yaml"

compose=$top/docker/docker-compose.yml


# Prints a member of a file of YAML.

yaml() {                                        # FILE FILTER
    python3 -c '
import json, sys, yaml
print(json.dumps(yaml.safe_load(open(sys.argv[1]))))
    ' "$1" | jq -r "$2"
}


if command -v docker-compose > /dev/null; then
    runs "Compose takes docker-compose.yml" \
        docker-compose -f "$compose" --profile admin config -q
else
    ok 0 "Compose takes docker-compose.yml # SKIP docker-compose is not installed"
fi

if command -v promtool > /dev/null; then
    runs "Prometheus takes prometheus.yml" \
        promtool check config "$top/docker/prometheus.yml"
else
    ok 0 "Prometheus takes prometheus.yml # SKIP promtool is not installed"
fi


# each file that is mounted from here is there

while IFS=: read -r file target; do
    case $file in
    ./secrets/* | ../docs/*) continue ;;
    esac

    [ -e "$top/docker/$file" ]
    ok $? "$target has $file"
done < <(yaml "$compose" '.services[].volumes[]? | select(startswith("."))')


# Grafana asks the Prometheus of this file, and its dashboards this source

provisioned=$top/docker/grafana
is "$(yaml "$provisioned/datasources/prometheus.yml" \
       '.datasources[] | "\(.uid) \(.type) \(.url)"')" \
   "prometheus prometheus http://prometheus:9090" "Grafana has a source"
is "$(yaml "$provisioned/dashboards/ngx-registry.yml" '.providers[].options.path')" \
   "$(yaml "$compose" '.services.grafana.volumes[]' |
       sed -n 's|^../docs/grafana:\([^:]*\).*|\1|p')" \
   "and looks for dashboards where they are"
is "$(jq -r '.. | .datasource? | objects | .uid' \
       "$top"/docs/grafana/*.json 2> /dev/null | sort -u | grep -vE '^(prometheus|\$\{.*\})$')" \
   "" "which ask that source"

finish
