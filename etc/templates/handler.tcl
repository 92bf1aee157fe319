#!/usr/bin/env tclsh
# @NAME@: answers every line that a client sends.
#
# superd starts one of these for each client. What the client says is on standard input, standard
# output goes to the client, and standard error to superd's log. superd-handler(7) tells the rest.
# It needs no network to be tried:   printf 'one\ntwo\n' | ./@NAME@

# Bytes, not text: what a client sends may not be UTF-8. Lines are written at once, or the client
# waits for an answer that is still here.
fconfigure stdin -translation binary
fconfigure stdout -translation binary -buffering line

set who you
if {[info exists env(REMOTE_ADDR)]} { # superd sets it; on a terminal it is not there
    set who $env(REMOTE_ADDR)
}
set count 0
catch { # reading or writing fails when the client breaks off
    while {[gets stdin line] >= 0} { # negative at the end of the input
        if {[string index $line end] eq "\r"} { # many clients end lines with CR LF
            set line [string range $line 0 end-1]
        }
        puts "$who said: $line"
        incr count
    }
}
puts stderr "answered $count lines"
