#!/usr/bin/env node
// @NAME@: answers every line that a client sends.
//
// superd starts one of these for each client. What the client says is on standard input, standard
// output goes to the client, and standard error to superd's log. superd-handler(7) tells the rest.
// It needs no network to be tried:   printf 'one\ntwo\n' | ./@NAME@
'use strict';

const { once } = require('events');
const { stdin, stdout } = process;

const LONGEST = 65536; // bytes of a line; the session ends at one that is longer
const who = process.env.REMOTE_ADDR || 'you'; // superd sets it; on a terminal it is not there
let count = 0;

async function answer(line) {
  if (line.at(-1) === 13) line = line.subarray(0, -1); // many clients end lines with CR LF
  const bytes = Buffer.concat([Buffer.from(`${who} said: `), line, Buffer.from('\n')]);
  count++;
  // Wait where the client reads slowly, or its answers would fill the memory.
  if (!stdout.write(bytes)) await once(stdout, 'drain');
}

async function main() {
  let rest = Buffer.alloc(0); // bytes, not text: what a client sends may not be UTF-8
  for await (const chunk of stdin) {
    let begin = 0;
    rest = Buffer.concat([rest, chunk]);
    for (let end; (end = rest.indexOf(10, begin)) >= 0; begin = end + 1) {
      await answer(rest.subarray(begin, end));
    }
    rest = rest.subarray(begin);
    if (rest.length > LONGEST) throw new Error('a line is too long');
  }
  if (rest.length > 0) await answer(rest); // a last line without a newline
}

// Not process.exit(): that would throw away what has not been written yet.
main()
  .catch((error) => {
    // A client that broke off is nothing to tell.
    if (!['ECONNRESET', 'EPIPE'].includes(error.code)) console.error(error.message);
    stdin.destroy();
  })
  .then(() => console.error(`answered ${count} lines`));
