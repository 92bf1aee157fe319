// @NAME@: answers every line that a client sends.
//
// superd starts one of these for each client. What the client says is on standard input, standard
// output goes to the client, and standard error to superd's log. superd-handler(7) tells the rest.
//
// Build it:   rustc -O -o @NAME@ @NAME@.rs
// It needs no network to be tried:   printf 'one\ntwo\n' | ./@NAME@
use std::io::{self, BufRead, Read, Write};

const LONGEST: u64 = 65536; // bytes of a line; what is longer is taken for several lines

fn serve(who: &str, count: &mut u64) -> io::Result<()> {
    let (mut input, mut output) = (io::stdin().lock(), io::stdout().lock());
    let mut line = Vec::new(); // bytes, not text: what a client sends may not be UTF-8

    // 0 bytes are the end of the input.
    while input.by_ref().take(LONGEST).read_until(b'\n', &mut line)? > 0 {
        if line.last() == Some(&b'\n') {
            line.pop();
        }
        if line.last() == Some(&b'\r') {
            line.pop(); // many clients end lines with CR LF
        }
        write!(output, "{who} said: ")?;
        output.write_all(&line)?;
        output.write_all(b"\n")?;
        output.flush()?; // or the client waits for an answer that is still here
        *count += 1;
        line.clear();
    }
    Ok(())
}

fn main() {
    // superd sets it; on a terminal it is not there
    let who = std::env::var("REMOTE_ADDR").unwrap_or_else(|_| "you".to_string());
    let mut count = 0;

    if let Err(error) = serve(&who, &mut count) {
        // A client that broke off is nothing to tell.
        if !matches!(error.kind(), io::ErrorKind::ConnectionReset | io::ErrorKind::BrokenPipe) {
            eprintln!("{error}");
        }
    }
    eprintln!("answered {count} lines");
}
