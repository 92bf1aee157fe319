/*
 * memory: see memory.h.
 */
#include "base/memory.h"

#include <link.h>
#include <malloc.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#define PARTS_MOST 32 /* of a program or library; they have about a dozen */

/* Only what nobody may write to: such pages are those of the file (a private page that was written to,
 * as by the dynamic linker, would be lost). */
static int unmap_clean(struct dl_phdr_info *object, size_t size, void *data)
{
    uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);
    ElfW(Phdr) parts[PARTS_MOST];
    int count = object->dlpi_phnum < PARTS_MOST ? object->dlpi_phnum : PARTS_MOST;

    (void)size;
    (void)data;
    /* A copy: the table is in one of those pages, and to read it would bring that back. */
    memcpy(parts, object->dlpi_phdr, (size_t)count * sizeof *parts);
    for (int i = 0; i < count; i++) {
        uintptr_t begin = (object->dlpi_addr + parts[i].p_vaddr) & ~(page - 1);
        uintptr_t end = (object->dlpi_addr + parts[i].p_vaddr + parts[i].p_memsz + page - 1) &
                        ~(page - 1);

        if (parts[i].p_type == PT_LOAD && !(parts[i].p_flags & PF_W))
            madvise((void *)begin, end - begin, MADV_DONTNEED);
    }
    return 0;
}

void memory_give_back(void)
{
    malloc_trim(0);
    dl_iterate_phdr(unmap_clean, NULL);
}
