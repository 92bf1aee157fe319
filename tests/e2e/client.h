/*
 * client: the other end of a connection. Every function fails the case when the deadline passes or
 * the socket says something else than was expected.
 */
#ifndef TESTS_E2E_CLIENT_H
#define TESTS_E2E_CLIENT_H

#include <stddef.h>
#include <sys/socket.h>

/* An address as superd's log writes it: "127.0.0.1:7", "[::1]:7", "unix:/run/x", "unix:@name".
 * Addresses that stand for all ("0.0.0.0", "[::]") become loopback. Returns its length. */
socklen_t client_address(const char *written, struct sockaddr_storage *address_r);

/* Connect. TYPE is SOCK_STREAM, SOCK_DGRAM or SOCK_SEQPACKET. */
int client_dial(const char *written, int type);

/* The same, but an error is an answer: -errno. */
int client_try(const char *written, int type);

void client_say(int fd, const char *text);
void client_send(int fd, const void *bytes, size_t length);

/* Send until nothing more fits within a moment, or LENGTH is reached. Returns how much went. */
size_t client_stuff(int fd, size_t length);

/* All up to the end of the stream. The text lives as long as the process; *LENGTH_R may be NULL. */
char *client_hear_all(int fd, size_t *length_r);

/* Up to and without the next newline; read byte by byte. */
char *client_hear_line(int fd);

/* Exactly LENGTH bytes. */
void client_hear(int fd, void *bytes, size_t length);

/* One datagram or packet. */
char *client_hear_packet(int fd);

/* Nothing comes within MS milliseconds. */
void client_hear_nothing(int fd, int ms);

void client_half_close(int fd);

/* The server has closed: the end, or a reset, and no byte before it. */
void client_expect_closed(int fd);

/* Close with a reset instead of a FIN. */
void client_reset(int fd);

#endif
