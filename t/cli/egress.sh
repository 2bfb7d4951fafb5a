#!/bin/bash
#
# egress report, from the files of a ledger.

set -uo pipefail
. "$(dirname "$0")/../lib/cli.sh"
. "$(dirname "$0")/../lib/ledger_add.sh"

ledger=$dir/ledger

#    tenant repository operation route network
#                   egress ingress redirected delivered requests pulls pushes

ledger_add "$ledger" <<'END'
2026-01-31 acme acme/app pull origin internet 7000000000000 0 0 0 9 9 0
2026-02-01 acme acme/app pull origin internet 6000000000000 0 0 0 3 2 0
2026-02-01 acme acme/app push origin office 10 5000000000 0 0 4 0 1
2026-02-02 acme acme/app pull cdn internet 500 0 3000000000000 2900000000000 5 1 0
2026-02-02 globex globex/ml pull origin internet 9000000000000 0 0 0 8 7 0
2026-02-03 globex shared/base pull @cache office 1234567 0 0 0 2 1 0
2026-02-28 (anonymous) (unknown) pull origin internet 100 0 0 0 1 0 0
2026-03-01 acme acme/app pull origin internet 1 0 0 0 1 1 0
END

cat > "$dir/prices" <<'END'
{"version":1,"currency":"USD","prices":[
 {"network":"office","price":"0"},
 {"route":"cdn","price":"0.02"},
 {"route":"origin","tiers":[{"up_to":"10TB","price":"0.09"},
                            {"price":"0.085"}]}]}
END

february=(egress report --ledger "$ledger" --month 2026-02)
priced=("${february[@]}" --prices "$dir/prices")

table() {
    reg "$@" | sed 's/  */ /g; s/ $//'
}


# no store is needed for what is in the ledger alone

unset REGISTRY_STORE

is "$(table "${february[@]}")" \
   "TENANT EGRESS INGRESS REDIRECTED DELIVERED REQUESTS PULLS PUSHES
globex 9.00 TB 0 B 0 B 0 B 10 8 0
acme 6.00 TB 5.00 GB 3.00 TB 2.90 TB 12 3 1
(anonymous) 100 B 0 B 0 B 0 B 1 0 0
TOTAL 15.0 TB 5.00 GB 3.00 TB 2.90 TB 23 11 1" "a month by tenant"
is "$(reg "${february[@]}" --by repository --by route --format csv |
    tr -d '\r')" \
   "repository,route,egress_bytes,ingress_bytes,redirected_bytes,delivered_bytes,requests,pulls,pushes
globex/ml,origin,9000000000000,0,0,0,8,7,0
acme/app,origin,6000000000010,5000000000,0,0,7,2,1
acme/app,cdn,500,0,3000000000000,2900000000000,5,1,0
shared/base,@cache,1234567,0,0,0,2,1,0
(unknown),origin,100,0,0,0,1,0,0" "by repository and route, largest first"
is "$(reg "${february[@]}" --by day --format json |
    jq -c '.[] | [.day, .egress_bytes, .requests]')" \
   '["2026-02-01",6000000000010,7]
["2026-02-02",9000000000500,13]
["2026-02-03",1234567,2]
["2026-02-28",100,1]' "by day, in order"
is "$(reg egress report --ledger "$ledger" --from 2026-02-28 --to 2026-03-01 \
    --by network --by operation --format json | jq -c .)" \
   '[{"network":"internet","operation":"pull","egress_bytes":101,"ingress_bytes":0,"redirected_bytes":0,"delivered_bytes":0,"requests":2,"pulls":1,"pushes":0}]' \
   "days from and to are both in"
is "$(reg egress report --ledger "$ledger" --month 2020-01 --format json)" \
   "[]" "nothing is an answer, too"


# payers and labels

export REGISTRY_STORE=file:$store
reg tenant set acme --label cost_center=4711 --label project=apollo
reg tenant set globex --label cost_center=4712
reg repository set 'acme/**' --owner acme
reg repository set '**' --owner globex --label project=other
reg repository set '~^shared/' --owner acme --label project=base

by() { reg "${february[@]}" "$@" --format json | jq -c '.[] | [.[]][0:3]'; }

is "$(by --by label:cost_center --by tenant)" \
   '["4712","globex",9000001234567]
["4711","acme",6000000000510]
["(unlabelled)","(anonymous)",100]' "labels are those of the tenant"
is "$(by --payer owner --by tenant --by label:project)" \
   '["acme","apollo",6000000000510]
["globex","other",9000000000100]
["acme","base",1234567]' \
   "or of the repository, before those of its owner"

sed -i 's/"time":"[^"]*"/"time":"2026-01-01T00:00:00Z"/' "$store.audit"
reg store export > "$dir/january"
reg tenant set acme --label cost_center=9
is "$(by --by label:cost_center --records "file:$dir/january" | head -2)" \
   '["4712",9000001234567,0]
["4711",6000000000510,5000000000]' "a backup has the labels of its time"
is "$(by --by label:cost_center | head -2)" \
   '["4712",9000001234567,0]
["4711",6000000000510,5000000000]' "and so has the store itself"
is "$(by --by label:cost_center --records "file:$store" | tail -2 | head -1)" \
   '["9",6000000000510,5000000000]' "but --records takes what is there now"
reg repository remove '**'
is "$(by --payer owner --by tenant --records "file:$store" | tail -1)" \
   '["(unowned)",9000000000100,0]' "what nobody owns is shown"
is "$(by --payer owner --by tenant | tail -1)" '["globex",9000000000100,0]' \
   "and who owned it then, when it was owned"


# costs: 6 TB on the first, and 9 TB on the second, of which 4 in the first tier

costs() { reg "$@" --format json | jq -c '.[] | [.[]] | [.[0], .[-3:][]]'; }

is "$(costs "${priced[@]}" --by tenant)" \
   '["globex","785","-5.00000000062","USD"]
["acme","600.00000001","200.00000003312","USD"]
["(anonymous)","0.0000000085","0","USD"]' "cost, to the last digit"
is "$(costs egress report --ledger "$ledger" --from 2026-02-02 \
    --to 2026-02-02 --prices "$dir/prices" --by route)" \
   '["origin","785","-5.00000000062","USD"]
["cdn","60.00000001","200.00000003312","USD"]' \
   "a later day begins where the days before have left the tiers"
is "$(table "${priced[@]}" --by network)" \
   "NETWORK EGRESS INGRESS REDIRECTED DELIVERED REQUESTS PULLS PUSHES COST/USD SAVED/USD
internet 15.0 TB 0 B 3.00 TB 2.90 TB 17 10 0 1385.00 195.00
office 1.23 MB 5.00 GB 0 B 0 B 6 1 1 0.00 0.00
TOTAL 15.0 TB 5.00 GB 3.00 TB 2.90 TB 23 11 1 1385.00 195.00" \
   "money is rounded for people only"
is "$(costs "${priced[@]}" --by route --measured | grep cdn)" \
   '["cdn","58.00000001","193.373949612965","USD"]' \
   "what was delivered takes the place of what was redirected"

runs "the example is a list of prices" reg "${february[@]}" \
    --prices "$top/conf.example/prices.json"


# FOCUS

reg "${priced[@]}" --format focus | tr -d '\r' > "$dir/focus"
is "$(head -1 "$dir/focus" | tr , '\n' | grep -vc '^x_')" 36 "FOCUS has columns"
is "$(head -1 "$dir/focus" | tr , '\n' | sort |
    grep -cxE 'BilledCost|BillingAccountId|BillingAccountName|BillingCurrency|BillingPeriodEnd|BillingPeriodStart|ChargeCategory|ChargeClass|ChargeDescription|ChargePeriodEnd|ChargePeriodStart|ContractedCost|EffectiveCost|InvoiceIssuerName|ListCost|PricingQuantity|PricingUnit|ProviderName|PublisherName|ServiceCategory|ServiceName')" \
   21 "among them all that are mandatory"
is "$(grep 'globex/ml' "$dir/focus")" \
   '360,ngx-registry,,USD,2026-03-01T00:00:00Z,2026-02-01T00:00:00Z,Usage,,pull of globex/ml by origin to internet,Usage-Based,2026-02-03T00:00:00Z,2026-02-02T00:00:00Z,4000,GB,360,360,ngx-registry,360,0.09,Standard,4000,GB,ngx-registry,ngx-registry,globex/ml,globex/ml,Repository,Networking,Registry egress,Content Delivery,egress/origin/*,Egress,egress/origin/*/1,globex,globex,"{""cost_center"":""4712""}",internet,pull,origin
425,ngx-registry,,USD,2026-03-01T00:00:00Z,2026-02-01T00:00:00Z,Usage,,pull of globex/ml by origin to internet,Usage-Based,2026-02-03T00:00:00Z,2026-02-02T00:00:00Z,5000,GB,425,425,ngx-registry,425,0.085,Standard,5000,GB,ngx-registry,ngx-registry,globex/ml,globex/ml,Repository,Networking,Registry egress,Content Delivery,egress/origin/*,Egress,egress/origin/*/2,globex,globex,"{""cost_center"":""4712""}",internet,pull,origin' \
   "a charge is in one tier"


# the page

reg tenant set acme --label 'project=<script>alert("&")</script>'
reg "${priced[@]}" --by label:project --by tenant --format html \
    --records "file:$store" > "$dir/page"
is "$(grep -c '<script' "$dir/page")" 0 "text is text"
like "$(< "$dir/page")" \
    '&lt;script&gt;alert\(&quot;&amp;&quot;\)&lt;/script&gt;' "whatever it is"
is "$(grep -cE '(src|href)=|url\(|@import' "$dir/page")" 0 \
    "and nothing else is needed"


# what is wrong

refuses "a month is one" 2 "--month is a month, such as 2026-01" \
    reg egress report --ledger "$ledger" --month 2026-13
refuses "or days are" 2 "--from is a day, such as 2026-01-31" \
    reg egress report --ledger "$ledger" --from 2026-02-30
refuses "in order" 2 "--from is later than --to" \
    reg egress report --ledger "$ledger" --from 2026-02-02 --to 2026-02-01
refuses "not both" 2 "--month and --from or --to contradict each other" \
    reg "${february[@]}" --to 2026-02-01
refuses "--by has its words" 2 \
    "--by is one of tenant, repository, route, network, operation, day and label:NAME" \
    reg "${february[@]}" --by label:Project
refuses "once each" 2 "--by day is given twice" \
    reg "${february[@]}" --by day --by day
refuses "--payer has, too" 2 "--payer is puller or owner" \
    reg "${february[@]}" --payer nobody
refuses "and --format" 2 "--format is table, csv, json, focus or html" \
    reg "${february[@]}" --format xml
refuses "charges have costs" 2 \
    "--format focus is about costs, and so needs --prices" \
    reg "${february[@]}" --format focus
refuses "a directory is there" 2 "--ledger: $dir/none: no such directory" \
    reg egress report --ledger "$dir/none"

echo '{"version":1,"currency":"USD","prices":[{"route":"cdn","price":"1"}]}' \
    > "$dir/few"
refuses "each row has a price" 2 \
    "$dir/few: there is no price for route \"origin\" on network \"internet\"; \"0\" is one, too" \
    reg "${february[@]}" --prices "$dir/few"
echo '{"version":1,"currency":"USD","prices":[{"price":0.1}]}' > "$dir/float"
refuses "and no float" 2 \
    "$dir/float: prices[0]: \"price\" must be a short text in quotes" \
    reg "${february[@]}" --prices "$dir/float"

sed 's/"version":1/"version":2/' "$dir/prices" > "$dir/later"
fails "prices of a later version are refused" "^ngx-registry: $dir/later: " \
    reg "${february[@]}" --prices "$dir/later"
head -c 60 "$dir/prices" > "$dir/part"
fails "and those that are cut" "^ngx-registry: $dir/part: " \
    reg "${february[@]}" --prices "$dir/part"

file=$(ls "$ledger"/*2026-02-02* | head -1)
cp "$file" "$dir/whole"
printf '\x02' | dd of="$file" bs=1 seek=8 conv=notrunc 2> /dev/null
later=$(sha256sum < "$file")
fails "a ledger of a later version is refused" \
    "it is a ledger of version 2, and the latest that is known here is 1" \
    reg "${february[@]}"
is "$(sha256sum < "$file")" "$later" "and stays as it is"
head -c 5000 "$dir/whole" > "$file"
before=$(sha256sum "$file")
fails "a ledger that is cut is refused" "^ngx-registry: $file: " \
    reg "${february[@]}"
head -c 65536 /dev/urandom > "$file"
fails "one that is something else, too" "^ngx-registry: $file: " \
    reg "${february[@]}"
head -c 5000 "$dir/whole" > "$file"
runs "but another month does not need it" \
    reg egress report --ledger "$ledger" --month 2026-03
is "$(sha256sum "$file")" "$before" "and stays as it is"


# a timer of root may come before the first gateway, who has to open the lock, too

if [ "$EUID" = 0 ]; then
    install -d -o nobody -g nogroup -m 750 "$dir/counted"
    runs "root tidies up a ledger of somebody else" \
        reg egress compact --store "file:$dir/none.json" --ledger "$dir/counted"
    is "$(find "$dir/counted" ! -user nobody)" "" "and leaves nothing of root's there"
fi

finish
