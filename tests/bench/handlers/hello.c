/*
 * hello: the smallest handler that does something: six bytes, and it ends. Linked statically it is
 * the cheapest program there is to launch, so what a superserver adds shows most.
 */
#include <unistd.h>

int main(void)
{
    return write(STDOUT_FILENO, "hello\n", 6) == 6 ? 0 : 1;
}
