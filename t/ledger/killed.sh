#!/bin/bash
#
# All processes of nginx are killed at once, with 200 clients at work: the
# ledger has after that what it had before, and Redis gets the rest of it.

. "$(dirname "$0")/../lib/conserve.sh"

start_conserve

conserve crash --seconds 2 --start "$dir/start"

finish
