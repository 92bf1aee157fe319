/* suggest: the nearest name. See suggest.h. */
#include "config/suggest.h"

#include <limits.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"

void suggestion_init(struct suggestion *suggestion, const char *wanted)
{
    memset(suggestion, 0, sizeof *suggestion);
    suggestion->wanted = wanted;
    suggestion->distance = UINT_MAX;
}

/* A third of the letters may be wrong, at most three and at least one. */
static unsigned tolerance(const char *wanted)
{
    size_t length = strlen(wanted);

    return length < 6 ? 1 : length < 9 ? 2 : 3;
}

void suggestion_consider(struct suggestion *suggestion, const char *candidate)
{
    unsigned distance = text_distance(suggestion->wanted, candidate);

    if (distance > tolerance(suggestion->wanted) || distance >= suggestion->distance ||
        strlen(candidate) >= sizeof suggestion->best || strcmp(candidate, suggestion->wanted) == 0)
        return; /* too far, or the very same, which is wrong for another reason */
    suggestion->distance = distance;
    strcpy(suggestion->best, candidate);
}

void suggestion_consider_all(struct suggestion *suggestion, const char *const *words, size_t count)
{
    for (size_t i = 0; i < count; i++)
        suggestion_consider(suggestion, words[i]);
}

const char *suggestion_text(struct suggestion *suggestion)
{
    suggestion->text[0] = '\0';
    if (suggestion->best[0])
        snprintf(suggestion->text, sizeof suggestion->text, "; did you mean \"%s\"?",
                 suggestion->best);
    return suggestion->text;
}
