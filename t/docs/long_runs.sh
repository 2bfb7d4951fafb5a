#!/bin/bash
#
# long-runs.md has the figures that the runs themselves have written, and the
# curves of the soak do not grow.

. "$(dirname "$0")/../lib/sandbox.sh"
. "$(dirname "$0")/../long/growth.sh"

"$top/t/long/page" "$dir/page"

is "$(diff "$top/docs/long-runs.md" "$dir/page")" "" \
    "docs/long-runs.md is what t/long/page makes of docs/long-runs/"

nothing_grows "$top/docs/long-runs/soak.csv"

finish
