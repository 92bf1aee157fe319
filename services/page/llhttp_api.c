/*
 * The HTTP parser, llhttp, where the distribution ships it as C source instead of as a library
 * (Debian 12: package node-llhttp, /usr/share/llhttp).  Compiled as it is, security updates of the
 * package included; not built where pkg-config knows a libllhttp.  The compiler is told that these
 * are system headers, so that our warnings do not apply to them.
 */
#include <llhttp/api.c>
#include <llhttp/http.c>
