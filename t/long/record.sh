# What a long run has shown is kept, as a line in the file that RECORD names, if
# any: when it ended, the last commit that changed the source, the machine, and
# what the run says itself, each behind a tab.

record() {                                      # FIELD...
    local field changed cpu line

    [ -n "${RECORD-}" ] || return 0

    changed=$(git -C "$top" status --porcelain src)
    cpu=$(sed -n 's/^model name[^:]*: //p' /proc/cpuinfo | sed -n 1p)

    line=$(date -u +%FT%TZ)
    line+=$'\t'$(git -C "$top" log -1 --format=%h src)${changed:+ changed}
    line+=$'\t'"$(nproc) x ${cpu:-unknown}"

    for field; do
        line+=$'\t'$field
    done

    mkdir -p "$(dirname "$RECORD")"
    echo "$line" >> "$RECORD"
}
