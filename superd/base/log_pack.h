/*
 * log_pack: an event kept in few bytes, to be written out as a line only if somebody asks.
 *
 * The recent past is kept for everybody who might ask, at every event, and read a few times a day: so
 * keeping has to be cheap, and reading need not be. What must hold: a packed event is read by the
 * process that packed it, as names stand in it by address; who hands events to another program (an
 * upgrade in place) hands over lines.
 */
#ifndef SUPERD_BASE_LOG_PACK_H
#define SUPERD_BASE_LOG_PACK_H

#include <stddef.h>

#include "base/log.h"

#define LOG_PACK_SIZE 8192 /* at most, packed or as a line */

/* Pack RECORD into BYTES. A field that does not fit is left out whole and the event marked, as in a
 * line (log_line.h). Returns how many bytes it takes. */
size_t log_pack(const struct log_record *record, char bytes[LOG_PACK_SIZE]);

/* Write the packed event out as a line of JSON, without a newline but NUL-terminated; what begins with
 * a brace is such a line already. Returns the length of the line. */
size_t log_unpack(const char *bytes, size_t length, char line[LOG_PACK_SIZE + 1]);

#endif
