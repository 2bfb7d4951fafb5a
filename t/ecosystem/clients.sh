#!/bin/bash
#
# The clients, each way to be identified and each route of a blob, in front of
# docker-registry.

set -uo pipefail
. "$(dirname "$0")/../lib/clients.sh"

start_backend
try_clients clients {basic,bearer,anonymous}/{origin,redirect,cache}
finish
