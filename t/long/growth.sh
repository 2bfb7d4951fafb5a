# What t/long/soak has seen has to stay as it is after the first third: the last
# third has no more of it than the middle one, and a little.  That is said of
# their medians: a look may come while a worker that is replaced still answers.
#
#     nothing_grows CSV    as tests
#     growth CSV COLUMN    in percent


growth() {                                      # CSV COLUMN
    medians "$@" | awk '{ printf "%.1f", $1 ? 100 * ($2 - $1) / $1 : 0 }'
}


# Of the middle third and of the last one, and how many looks that had.

medians() {                                     # CSV COLUMN
    local end=$(tail -n 1 "$1" | cut -d , -f 1)

    cut -d , -f "1,$2" "$1" | sort -t , -k 2n | awk -F, -v end="$end" '
        $1 > end / 3 && $1 <= 2 * end / 3 { mid[++m] = $2 }
        $1 > 2 * end / 3 { last[++l] = $2 }
        END { print mid[int((m + 1) / 2)] + 0, last[int((l + 1) / 2)] + 0, l + 0
        }'
}


bounded() {                                     # CSV COLUMN PERCENT NAME
    local grown=$(growth "$1" "$2")

    awk -v a="$grown" -v b="$3" 'BEGIN { exit !(a <= b) }'
    ok $? "$4 does not grow"
    diag "$4: $grown %"
}


nothing_grows() {                               # CSV
    local mid last looks

    bounded "$1" 2 5 "memory of the workers"
    bounded "$1" 3 10 "the number of descriptors"

    # each look has made and revoked a key, which the audit keeps: 270 bytes

    read -r mid last looks < <(medians "$1" 4)
    runs "nothing but the audit of new keys comes into Redis" \
        test "$((last - mid))" -le "$((looks * 3 / 10 + mid / 20))"
    diag "memory of Redis: $mid KiB, then $last, of $looks keys"

    bounded "$1" 5 5 "the number of keys in Redis"
    bounded "$1" 6 1 "the ledger"

    # who is not root cannot see this

    read -r mid last looks < <(medians "$1" 7)
    [ "$last" != 0 ] || return 0

    bounded "$1" 7 0 "memory of the zones"

    # each look has made a key, and its record stays in a slot that it was the
    # first to use, until others need that

    read -r mid last looks < <(medians "$1" 8)
    runs "nothing but the records of new keys comes into the zones" \
        test "$((last - mid))" -le "$((looks / 2))"
    diag "what is in the zones: $mid KiB, then $last, of $looks keys"
}
