# For tests that need a ledger and no gateway:
#
#     . "$(dirname "$0")/../lib/ledger_add.sh"
#
#     ledger_add DIR < LINES     DAY TENANT REPOSITORY OPERATION ROUTE NETWORK
#                                EGRESS INGRESS REDIRECTED DELIVERED REQUESTS
#                                PULLS PUSHES

ledger_adder=$dir/ledger_add

gcc -std=c11 -D_DEFAULT_SOURCE -I"$top/src/core" -I"$top/src/ledger" \
    -o "$ledger_adder" "$top/t/lib/ledger_add.c" "$top/build/libregistry.a" \
    -lcrypto || { echo "Bail out! t/lib/ledger_add.c does not build"; exit 1; }


ledger_add() {                                  # DIR
    mkdir -p "$1"
    "$ledger_adder" "$1"
}
