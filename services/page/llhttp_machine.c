/* The rest of llhttp_api.c: the generated part declares the other one's functions in its own way,
 * so that the two cannot be one file. */
#include <llhttp/llhttp.c>
