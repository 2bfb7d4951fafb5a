#!/bin/bash
#
# The conformance suite, of another backend, zot, and of the gateway before it.

set -uo pipefail
. "$(dirname "$0")/../lib/conformance.sh"

need zot

start_zot
conform conformance-zot
finish
