#!/usr/bin/env python3
# @NAME@: answers every line that a client sends.
#
# superd starts one of these for each client. What the client says is on standard input, standard
# output goes to the client, and standard error to superd's log. superd-handler(7) tells the rest.
# It needs no network to be tried:   printf 'one\ntwo\n' | ./@NAME@
import os
import signal
import sys

LONGEST = 65536  # bytes of a line; what is longer is taken for several lines

# A client that has gone ends this program, as it ends other programs in a pipeline.
signal.signal(signal.SIGPIPE, signal.SIG_DFL)


def answer(line, who):
    return who + b" said: " + line + b"\n"


def main():
    # Bytes, not text: what a client sends may not be UTF-8.
    lines, out = sys.stdin.buffer, sys.stdout.buffer
    who = os.environb.get(b"REMOTE_ADDR", b"you")  # superd sets it; on a terminal it is not there
    count = 0
    try:
        while line := lines.readline(LONGEST):  # empty at the end of the input
            out.write(answer(line.removesuffix(b"\n").removesuffix(b"\r"), who))
            out.flush()  # or the client waits for an answer that is still here
            count += 1
    except ConnectionError:
        pass  # the client broke off
    print("answered", count, "lines", file=sys.stderr)


main()
