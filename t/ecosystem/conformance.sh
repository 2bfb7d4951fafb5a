#!/bin/bash
#
# The conformance suite, of docker-registry and of the gateway before it.

set -uo pipefail
. "$(dirname "$0")/../lib/conformance.sh"

start_backend
conform conformance
finish
