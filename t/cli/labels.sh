#!/bin/bash
#
# Labels and owners are those of the day of the traffic, whatever happened to
# them since.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"
. "$(dirname "$0")/../lib/ledger_add.sh"

ledger=$dir/ledger

for day in 01 02 03 04 05; do
    echo "2026-02-$day acme acme/app pull origin net 1${day}000 0 0 0 1 1 0"
    echo "2026-02-$day acme shared/base pull origin net 2${day}000 0 0 0 1 1 0"
done | ledger_add "$ledger"


# A change that was made on that day: whoever did it, the audit says when.

on() {                                          # DAY COMMAND...
    local before

    before=$(cat "$store.audit" 2> /dev/null | wc -l)
    reg "${@:2}"
    sed -i "$((before + 1)),\$s/\"time\":\"[^\"]*\"/\"time\":\"$1T12:00:00Z\"/" \
        "$store.audit"
}

by() {                                          # ARGUMENTS...
    reg egress report --ledger "$ledger" --month 2026-02 --by day --by "$@" \
        --format json |
        jq -r '.[] | [.[]][0:3] | "\(.[0][8:]) \(.[1]) \(.[2] / 1000)"'
}

# The label of who owns shared/base, day by day.

base() {                                        # LABEL
    reg egress report --ledger "$ledger" --month 2026-02 --by day \
        --by "label:$1" --by repository --payer owner --format json |
        jq -r ".[] | select(.repository == \"shared/base\") | .\"label:$1\"" |
        xargs
}

owned() {
    by tenant --payer owner "$@"
}


on 2026-01-15 tenant set acme --label team=red
on 2026-02-02 tenant set acme --label team=blue
on 2026-02-02 tenant set acme --label team=green
on 2026-02-04 tenant set acme --unlabel team

is "$(by label:team)" \
   "01 red 302
02 green 304
03 green 306
04 (unlabelled) 308
05 (unlabelled) 310" "a label is on a day what it is when that is over"
on 2026-02-20 tenant set acme --label team=black
is "$(by label:team | sort -u -k2,2 | cut -d' ' -f2)" "(unlabelled)
green
red" "later ones do not matter"
is "$(by label:team --records "file:$store" | cut -d' ' -f2 | sort -u)" black \
   "unless they are asked for"

sed -n 1,3p "$store.audit" > "$store.audit.1"
sed -i 1,3d "$store.audit"
is "$(by label:team | head -3 | cut -d' ' -f2 | xargs)" "red green green" \
   "what was rotated counts, too"

rm "$store.audit.1"
on 2026-03-01 tenant set acme --suspend
is "$(by label:team | head -1)" "01 green 302" \
   "without it there is what comes nearest"


# owners

on 2026-01-15 tenant set ops
on 2026-01-15 tenant set core
on 2026-01-15 repository set 'shared/**' --owner ops --label team=base
on 2026-02-03 repository set 'shared/base' --owner core
on 2026-02-05 repository remove 'shared/**'
on 2026-02-10 repository remove 'shared/base'
on 2026-03-01 repository set 'acme/**' --owner acme

is "$(owned | grep -v acme)" \
   "01 ops 201
02 ops 202
03 core 203
04 core 204
05 core 205" "owners are those of the day, also of records that are gone"
is "$(owned | grep -c acme)" 5 "what nobody owned then is of who came first"
is "$(base team)" \
   "base base (unlabelled) (unlabelled) (unlabelled)" "with their labels"

on 2026-02-02 tenant set ops --label team=old
on 2026-02-04 tenant set core --label cost=1
on 2026-02-05 tenant set core --label cost=2
is "$(base cost)" \
   "(unlabelled) (unlabelled) (unlabelled) 1 2" \
   "and those of the tenants that they name, from the first on"


# FOCUS, and budgets

echo '{"version":1,"currency":"USD","prices":[{"price":"1"}]}' > "$dir/prices"
is "$(reg egress report --ledger "$ledger" --month 2026-02 --prices \
    "$dir/prices" --format focus | grep shared | grep -o 'team""[^}]*}' |
    xargs)" 'team:green} team:green} team:green}' "tags are those of the day"

today=$(date -u +%F)
echo "$today acme acme/app pull origin net 700 0 0 0 1 1 0" |
    ledger_add "$ledger"
reg budget set label:team=black 1kB/day
reg budget set label:team=white 1kB/day
reg tenant set acme --label team=white
is "$(reg budget check --ledger "$ledger" --format json 2> /dev/null |
    jq -c '.[] | [.subject, .used]')" '["label:team=black",0]
["label:team=white",700]' "a budget is of who has the label when the day ends"

finish
