#!/bin/bash
#
# long-runs.md has the figures that the runs themselves have written.

. "$(dirname "$0")/../lib/sandbox.sh"

"$top/t/long/page" "$dir/page"

is "$(diff "$top/docs/long-runs.md" "$dir/page")" "" \
    "docs/long-runs.md is what t/long/page makes of docs/long-runs/"

finish
