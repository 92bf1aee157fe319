/* memory: giving back what only a beginning needed. */
#ifndef SUPERD_BASE_MEMORY_H
#define SUPERD_BASE_MEMORY_H

/* Give memory back to the system that is needed again seldom or never: freed blocks, and the pages of
 * programs and libraries that have been mapped so far (the parser of the configuration, whatever looked
 * up users). What is needed again is mapped again by itself. For the end of a start or reload. */
void memory_give_back(void);

#endif
