#!/bin/sh
# @NAME@: answers every line that a client sends.
#
# superd starts one of these for each client. What the client says is on standard input, standard
# output goes to the client, and standard error to superd's log. superd-handler(7) tells the rest.
# It needs no network to be tried:   printf 'one\ntwo\n' | ./@NAME@
set -u

who=${REMOTE_ADDR:-you} # superd sets it; on a terminal it is not there
cr=$(printf '\r')
count=0

# At the end of the input read is false, but a last line without a newline is in $line all the same.
# IFS= keeps blanks as they are, and -r backslashes.
while IFS= read -r line || [ -n "$line" ]; do
    line=${line%"$cr"} # many clients end lines with CR LF

    # What a client sent never becomes a command, a path or a format: "$line", in quotes.
    # printf is part of the shell and writes at once; other programs may keep output back.
    printf '%s said: %s\n' "$who" "$line" 2>/dev/null || break # the client has gone
    count=$((count + 1))
done
echo "answered $count lines" >&2
