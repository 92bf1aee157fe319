#!/usr/bin/env ruby
# @NAME@: answers every line that a client sends.
#
# superd starts one of these for each client. What the client says is on standard input, standard
# output goes to the client, and standard error to superd's log. superd-handler(7) tells the rest.
# It needs no network to be tried:   printf 'one\ntwo\n' | ./@NAME@

LONGEST = 65_536 # bytes of a line; what is longer is taken for several lines

$stdin.binmode # bytes, not text: what a client sends may not be UTF-8
$stdout.binmode
$stdout.sync = true # write at once, or the client waits for an answer that is still here

who = (ENV['REMOTE_ADDR'] || 'you').b # superd sets it; on a terminal it is not there
count = 0
begin
  while (line = $stdin.gets("\n", LONGEST)) # nil at the end of the input
    $stdout.write(who, ' said: ', line.chomp, "\n") # chomp takes CR LF too
    count += 1
  end
rescue Errno::ECONNRESET, Errno::EPIPE
  # the client broke off
end
warn "answered #{count} lines"
