# When is a revocation seen at the latest?
#
#     served KEY         the gateway serves it
#     refused KEY        it does not know it, or not any more
#     LEASE, MARGIN      milliseconds: of the tracker, and for the test itself
#     seen_within BOUND KEY NAME
#                        a test: the key, which was revoked just now, is refused
#                        to all requests that begin later than BOUND and MARGIN
#
# That is so however slow the machine is: a lease is a matter of clocks, and
# when it is over Redis is asked.

LEASE=2000
MARGIN=1000


served() {                                      # KEY
    [ "$(status_of "$1")" = 200 ]
}


refused() {                                     # KEY
    [ "$(status_of "$1")" = 401 ]
}


milliseconds() {
    local now=${EPOCHREALTIME/./}

    echo $((now / 1000))
}


# Asks until the key is refused, or LIMIT milliseconds from now are over; prints
# how many it was from now when the last request that was served began.

served_until() {                                # KEY LIMIT
    local begin start last=0

    begin=$(milliseconds)

    while start=$(milliseconds); served "$1"; do
        last=$((start - begin))
        [ $last -lt "$2" ] || break
    done

    echo $last
}


seen_within() {                                 # BOUND KEY NAME
    local last

    last=$(served_until "$2" $((2 * ($1 + MARGIN))))

    [ "$last" -lt $(($1 + MARGIN)) ] && refused "$2"
    ok $? "$3"
    diag "the last that was served began $last ms after the revocation"
}
