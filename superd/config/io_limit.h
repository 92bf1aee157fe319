/*
 * io_limit: `resources.io_max` and `per_instance.io_max`: what may be read and written on a disk.
 *
 *   "/srv rbps=10M wbps=5M riops=500 wiops=100"    the disk that /srv is on
 *   "8:0 wbps=1M"                                  the disk with these numbers
 *
 * The words are the kernel's (io.max of control groups). It limits whole disks alone, so a partition
 * stands for the disk that it is on.
 */
#ifndef SUPERD_CONFIG_IO_LIMIT_H
#define SUPERD_CONFIG_IO_LIMIT_H

#include "config/draft.h"

/* Make the limits of SETTINGS from what was written, TEXTS, as the setting NAME. False with errors in
 * the list of LOADER. */
bool io_limits_take(struct loader *loader, const struct texts *texts, const char *name,
                    struct resource_settings *settings);

#endif
