// @NAME@: answers every line that a client sends.
//
// superd starts one of these for each client. What the client says is on standard input, standard
// output goes to the client, and standard error to superd's log. superd-handler(7) tells the rest.
//
// Build it:   go build -o @NAME@ @NAME@.go
// It needs no network to be tried:   printf 'one\ntwo\n' | ./@NAME@
package main

import (
	"bufio"
	"errors"
	"fmt"
	"os"
	"syscall"
)

const longest = 65536 // bytes of a line; the session ends at one that is longer

func main() {
	who := os.Getenv("REMOTE_ADDR") // superd sets it; on a terminal it is not there
	if who == "" {
		who = "you"
	}
	count := 0
	lines := bufio.NewScanner(os.Stdin) // takes off LF and CR LF
	lines.Buffer(nil, longest)
	for lines.Scan() {
		// os.Stdout has no buffer: the answer goes out at once. Bytes, not text: what a client
		// sends may not be UTF-8. When the client has gone, SIGPIPE ends this program.
		answer := append([]byte(who+" said: "), lines.Bytes()...)
		if _, err := os.Stdout.Write(append(answer, '\n')); err != nil {
			break
		}
		count++
	}
	// A client that broke off is nothing to tell.
	if err := lines.Err(); err != nil && !errors.Is(err, syscall.ECONNRESET) {
		fmt.Fprintln(os.Stderr, err)
	}
	fmt.Fprintln(os.Stderr, "answered", count, "lines")
}
