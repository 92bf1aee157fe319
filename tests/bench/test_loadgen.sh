#!/bin/sh
# Does the load generator count right?  Every kind of end is made on purpose, a known number of
# times, and must be reported as that kind and that number.  Nothing depends on how long it takes.
#
# usage: test_loadgen.sh   in the top of the build tree (as make check does)
set -eu

programs=tests/bench
directory=$(mktemp -d)
bare=
failures=0
cases=0

stop_bare() {
    if [ -n "$bare" ]; then
        kill "$bare" 2>/dev/null || :
        wait "$bare" 2>/dev/null || :
        bare=
    fi
}
trap 'stop_bare; rm -rf "$directory"' EXIT
trap 'exit 1' HUP INT TERM

# start_bare ARGUMENT...: the bare loop on a free port, which it prints when it listens.
start_bare() {
    stop_bare
    rm -f "$directory/port"
    mkfifo "$directory/port"
    "$programs/bare" "$@" > "$directory/port" 2> "$directory/error" &
    bare=$!
    read -r port < "$directory/port" || { cat "$directory/error"; exit 1; }
}

# load ARGUMENT... MODE: run the load generator against it.
load() {
    for mode do :; done
    "$programs/loadgen" -j "$@" "127.0.0.1:$port" > "$directory/report" < "${input:-/dev/null}"
}

# expect NAME TEXT: the report must contain TEXT.
expect() {
    cases=$((cases + 1))
    if grep -qF "$2" "$directory/report"; then
        echo "ok $cases - $1"
    else
        failures=$((failures + 1))
        echo "not ok $cases - $1: no '$2' in:"
        sed 's/^/# /' "$directory/report"
    fi
}

outcomes() {
    printf '"outcomes": {"ok": %s, "refused": %s, "reset": %s, ' "$1" "$2" "$3"
    printf '"timeout": %s, "short": %s, "other": %s}' "$4" "$5" "$6"
}

hello=$programs/handlers/hello_dynamic
start_bare 0 "$hello"
load -n 50 -c 4 -e 6 closed
expect closed__served__all_ok "$(outcomes 50 0 0 0 0 0)"
expect closed__served__bytes_are_counted '"bytes": 300'
expect closed__served__one_sample_each '"eof_us": {"count": 50,'
load -n 40 -c 4 -t 2 -s 8 -e 6 closed
expect closed__two_threads_eight_sources__all_ok "$(outcomes 40 0 0 0 0 0)"
load -n 20 -e 7 closed
expect closed__a_byte_too_few__short "$(outcomes 0 0 0 0 20 0)"
load -n 30 -r 1000 -c 30 -e 6 open
expect open__served__all_ok "$(outcomes 30 0 0 0 0 0)"
load -n 100 -e 6 burst
expect burst__served__all_ok "$(outcomes 100 0 0 0 0 0)"
load -n 10 flood
expect flood__admitted__not_a_refusal "$(outcomes 10 0 0 0 0 0)"
expect flood__admitted__nothing_in_the_window '"in_window": 0'
load -n 5 -S 192.0.2.1 -s 1 closed
expect closed__source_that_is_not_ours__other "$(outcomes 0 0 0 0 0 5)"
expect closed__source_that_is_not_ours__named '"first_other": "EADDRNOTAVAIL"'

start_bare -w 2 0 "$hello"
load -n 40 -c 8 -e 6 closed
expect bare__two_processes__all_ok "$(outcomes 40 0 0 0 0 0)"

start_bare -m close 0
load -n 25 -c 5 flood
expect flood__closed__short_and_refused "$(outcomes 0 0 0 0 25 0)"
expect flood__closed__all_in_the_window '"in_window": 25'
start_bare -m reset 0
load -n 25 -c 5 flood
expect flood__reset__counted "$(outcomes 0 0 25 0 0 0)"
start_bare -m deaf 0
load -n 25 -c 5 flood
expect flood__nobody_listens__refused "$(outcomes 0 25 0 0 0 0)"
start_bare -m mute 0
load -n 6 -c 3 -T 0.05 closed
expect closed__never_an_answer__timeout "$(outcomes 0 0 0 6 0 0)"

start_bare 0 "$programs/handlers/hold_dynamic"
load -n 20 -c 3 hold
expect hold__released__all_alive '"held": 20,'
expect hold__released__none_lost '"alive": 20,'
start_bare -m close 0
load -n 7 hold
expect hold__refused__none_held '"held": 0,'
expect hold__refused__counted "$(outcomes 0 0 0 0 7 0)"

echo "1..$cases"
[ "$failures" -eq 0 ]
