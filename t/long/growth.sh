# What t/long/soak has seen has to stay as it is after the first third: the last
# third has no more of it than the middle one, and a little.
#
#     nothing_grows CSV    as tests
#     growth CSV COLUMN    in percent


growth() {                                      # CSV COLUMN
    greatest "$@" | awk '{ printf "%.1f", $1 ? 100 * ($2 - $1) / $1 : 0 }'
}


# Of the middle third and of the last one, and how many looks that had.

greatest() {                                    # CSV COLUMN
    awk -F, -v c="$2" -v end="$(tail -n 1 "$1" | cut -d , -f 1)" '
        $1 > end / 3 && $1 <= 2 * end / 3 && $c > mid { mid = $c }
        $1 > 2 * end / 3 { looks++; if ($c > last) last = $c }
        END { print mid + 0, last + 0, looks + 0 }' "$1"
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
    bounded "$1" 4 5 "memory of Redis"
    bounded "$1" 5 5 "the number of keys in Redis"
    bounded "$1" 6 1 "the ledger"

    # who is not root cannot see this

    read -r mid last looks < <(greatest "$1" 7)
    [ "$last" != 0 ] || return 0

    bounded "$1" 7 0 "memory of the zones"

    # each look has made a key, and its record stays in a slot that it was the
    # first to use, until others need that

    read -r mid last looks < <(greatest "$1" 8)
    runs "nothing but the records of new keys comes into the zones" \
        test "$((last - mid))" -le "$((looks / 2))"
    diag "what is in the zones: $mid KiB, then $last, of $looks keys"
}
