#!/bin/sh
# @NAME@: answers every line that a client sends.
#
# superd starts one of these for each client. What the client says is on standard input, standard
# output goes to the client, and standard error to superd's log. superd-handler(7) tells the rest.
# It needs no network to be tried:   printf 'one\ntwo\n' | ./@NAME@

# mawk reads far ahead, and would answer only when a buffer is full, unless it is told not to.
case $(awk -W version 2>/dev/null </dev/null) in
mawk*) interactive='-W interactive' ;;
*) interactive= ;;
esac

# The program stands in single quotes, so there can be none in it.
exec awk $interactive '
BEGIN {
    # superd sets it; on a terminal it is not there
    who = "REMOTE_ADDR" in ENVIRON ? ENVIRON["REMOTE_ADDR"] : "you"
}
{
    sub(/\r$/, "") # many clients end lines with CR LF
    print who " said: " $0 # when the client has gone, awk says so in the log and ends
    fflush() # or the client waits for an answer that is still here
}
END {
    print "answered " NR " lines" > "/dev/stderr"
}'
