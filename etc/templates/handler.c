/*
 * @NAME@: answers every line that a client sends.
 *
 * superd starts one of these for each client. What the client says is on standard input, standard
 * output goes to the client, and standard error to superd's log. superd-handler(7) tells the rest.
 *
 * Build it:   cc -O2 -Wall -o @NAME@ @NAME@.c
 * It needs no network to be tried:   printf 'one\ntwo\n' | ./@NAME@
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/types.h>

/* Write the answer to a line of LENGTH bytes, which may have NUL bytes in it. */
static int answer(const char *line, size_t length, const char *who)
{
    printf("%s said: ", who);
    fwrite(line, 1, length, stdout);
    putchar('\n');
    return fflush(stdout); /* or the client waits for an answer that is still here */
}

int main(void)
{
    const char *who = getenv("REMOTE_ADDR"); /* superd sets it; on a terminal it is not there */
    char *line = NULL;
    size_t room = 0;
    ssize_t length;
    unsigned long count = 0;

    if (!who)
        who = "you";
    /* It ends with the input, and when a line needs more memory than the service may have. */
    while ((length = getline(&line, &room, stdin)) > 0) {
        if (line[length - 1] == '\n')
            length--;
        if (length > 0 && line[length - 1] == '\r') /* many clients end lines with CR LF */
            length--;
        if (answer(line, (size_t)length, who) != 0)
            break;
        count++;
    }
    free(line);
    fprintf(stderr, "answered %lu lines\n", count);
    return 0;
}
