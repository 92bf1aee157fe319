#!/usr/bin/env lua
-- @NAME@: answers every line that a client sends.
--
-- superd starts one of these for each client. What the client says is on standard input, standard
-- output goes to the client, and standard error to superd's log. superd-handler(7) tells the rest.
-- It needs no network to be tried:   printf 'one\ntwo\n' | ./@NAME@

local who = os.getenv("REMOTE_ADDR") or "you" -- superd sets it; on a terminal it is not there
local count = 0

while true do
  local line = io.read("*l") -- nil at the end of the input
  if not line then break end
  line = line:gsub("\r$", "") -- many clients end lines with CR LF
  if not io.write(who, " said: ", line, "\n") then break end
  io.flush() -- or the client waits for an answer that is still here
  count = count + 1
end
io.stderr:write("answered ", count, " lines\n")
