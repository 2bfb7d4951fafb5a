# For tests of what a ledger is in Redis:
#
#     . "$(dirname "$0")/../lib/ledger_script.sh"
#
#     ledger_script sync|fold    the text of the script

gcc -std=c11 -I"$top/src/core" -I"$top/src/ledger" -o "$dir/ledger_script" \
    "$top/t/lib/ledger_script.c" "$top/build/libregistry.a" ||
    { echo "Bail out! t/lib/ledger_script.c does not build"; exit 1; }


ledger_script() {
    "$dir/ledger_script" "$1"
}
