# A clock that tests move: see t/lib/clock.c.
#
#     . "$(dirname "$0")/../lib/clock.sh"
#
#     clock SECONDS       how far ahead the clock is, of each nginx that is
#                         started from now on; 0 at first

gcc -shared -fPIC -O2 -o "$dir/clock.so" "$top/t/lib/clock.c" -ldl ||
    { echo "Bail out! t/lib/clock.c does not build"; exit 1; }


clock() {                                       # SECONDS
    perl -e 'print pack("q", $ARGV[0])' -- "$1" 1<> "$dir/clock"
}


: > "$dir/clock"
clock 0

export CLOCK_FILE=$dir/clock
TEST_NGINX_PRELOAD=${TEST_NGINX_PRELOAD:+$TEST_NGINX_PRELOAD:}$dir/clock.so
