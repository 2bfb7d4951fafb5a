#!/bin/bash
#
# No byte is lost or counted twice, whatever happens: 200 clients that count
# their own bytes, and leave when they like, while workers are killed, nginx is
# reloaded and upgraded, Redis goes away and the disk is full.
#
# SECONDS_OF_LOAD and SEED may be given; "make conservation" takes ten minutes.

. "$(dirname "$0")/../lib/conserve.sh"

start_conserve

conserve load --seconds "${SECONDS_OF_LOAD:-7}" --faults "$faults"

is "$(grep -E '\[(alert|emerg)\]' "$errors" |
    grep -vE 'exited on signal 9|access\.log" (failed|was incomplete)')" "" \
   "nginx is alarmed by nothing else"

finish
