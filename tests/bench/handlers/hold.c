/*
 * hold: a long-lived session. Says that it is there (one byte) and stays until its client ends.
 */
#include <unistd.h>

int main(void)
{
    char buffer[256];
    if (write(STDOUT_FILENO, "h", 1) != 1) {
        return 1;
    }
    while (read(STDIN_FILENO, buffer, sizeof(buffer)) > 0) {
    }
    return 0;
}
