#!/bin/bash
#
# The clients in front of another backend, zot.

set -uo pipefail
. "$(dirname "$0")/../lib/clients.sh"

need zot

start_zot
try_clients clients-zot {basic,bearer,anonymous}/{origin,redirect,cache}
finish
