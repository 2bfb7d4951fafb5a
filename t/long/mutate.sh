#!/bin/bash
#
# t/long/mutate tries each change of a file, the unit tests notice those of this
# one, and it keeps what it has seen.

. "$(dirname "$0")/../lib/sandbox.sh"

file=src/access/reg_role.c
export RECORD=$dir/mutate.tsv

like "$(SAMPLE=0 "$top/t/long/mutate" "$file")" \
    '^([1-9][0-9]*) changes: \1 noticed, 0 missed' "each change is noticed"
like "$(cut -f 4- "$RECORD")" "^$file"$'\t([0-9]+)\t\\1\t0\t0\t0$' \
    "and that is recorded"

finish
