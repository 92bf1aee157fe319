#!/usr/bin/perl
# @NAME@: answers every line that a client sends.
#
# superd starts one of these for each client. What the client says is on standard input, standard
# output goes to the client, and standard error to superd's log. superd-handler(7) tells the rest.
# It needs no network to be tried:   printf 'one\ntwo\n' | ./@NAME@
use strict;
use warnings;

$| = 1;    # write at once, or the client waits for an answer that is still here
binmode STDIN;
binmode STDOUT;

my $who = $ENV{REMOTE_ADDR} // 'you';    # superd sets it; on a terminal it is not there
my $count = 0;

while (defined(my $line = <STDIN>)) {    # undefined at the end of the input
    $line =~ s/\r?\n\z//;                # many clients end lines with CR LF
    print "$who said: $line\n" or last;
    $count++;
}
print STDERR "answered $count lines\n";
