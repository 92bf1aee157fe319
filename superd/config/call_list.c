/* call_list: see call_list.h. */
#include "config/call_list.h"

#include <stdlib.h>
#include <string.h>

#include "base/strbuf.h"
#include "config/call_sets.h"
#include "config/suggest.h"

struct call_list {
    const char **names;
    size_t count, room;
    bool add;           /* or remove */
    bool no_keys;       /* its user's number will be somebody else's */
    const char *denied; /* one that cannot be */
    const char *keys;   /* one that cannot be given */
};

static void visit_call(void *data, const char *call)
{
    struct call_list *list = data;
    size_t i = 0;

    while (i < list->count && strcmp(list->names[i], call) != 0)
        i++;
    if (list->add && list->no_keys && call_is_of_keys(call)) {
        list->keys = call;
    } else if (list->add && i == list->count && list->count < list->room) {
        list->names[list->count++] = call;
    } else if (!list->add && i < list->count) {
        if (call_is_needed(call))
            list->denied = call;
        list->names[i] = list->names[--list->count];
        list->names[list->count] =
            NULL; /* the list ends there: nothing that was taken away comes back */
    }
}

static int compare_texts(const void *a, const void *b)
{
    return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static bool say_unknown_call(struct loader *loader, const struct text_item *item, const char *name)
{
    struct suggestion near;

    suggestion_init(&near, name);
    for (size_t i = 0; call_set_at(i); i++) {
        const struct call_set *set = call_set_at(i);

        suggestion_consider(&near, set->name);
        for (const char *const *member = set->members; name[0] != '@' && *member; member++)
            suggestion_consider(&near, *member);
    }
    loader_error(loader, item->position, "there is no %s \"%s\"%s",
                 name[0] == '@' ? "set of system calls" : "system call", name,
                 suggestion_text(&near));
    return false;
}

static bool apply_call(struct loader *loader, const struct text_item *item, struct call_list *list)
{
    const char *name = item->text + (item->text[0] == '!');
    bool set = name[0] == '@';

    if (set ? !call_set_find(name) : !call_known(name))
        return say_unknown_call(loader, item, name);
    list->add = item->text[0] != '!';
    list->denied = list->keys = NULL;
    call_each(name, visit_call, list);
    if (list->keys) {
        loader_error(
            loader, item->position,
            "\"%s\" cannot be given to a dynamic user: key rings belong to a uid and "
            "outlive its processes, so what is left in them would be found by whoever gets "
            "the uid next; give the service a user of its own",
            name);
        return false;
    }
    /* A set that is taken away may hold one that is needed: it is put back below. */
    if (list->denied && !set) {
        loader_error(loader, item->position,
                     "\"%s\" cannot be denied: superd uses it to start the handler", list->denied);
        return false;
    }
    return true;
}

static void add_needed(void *data, const char *call)
{
    if (call_is_needed(call))
        visit_call(data, call);
}

/* How the list would be written in a file. */
static const char *calls_text(struct loader *loader, const struct texts *texts,
                              const struct isolation_settings *settings)
{
    char text[4096];
    struct strbuf sb;

    strbuf_init(&sb, text, sizeof text);
    if (!texts->items)
        strbuf_text(&sb, settings->filter_calls ? "[ \"@ordinary-1\" ]" : "[ \"all\" ]");
    else {
        strbuf_text(&sb, "[");
        for (size_t i = 0; i < texts->count; i++)
            strbuf_printf(&sb, "%s \"%s\"", i ? "," : "", texts->items[i].text);
        strbuf_text(&sb, " ]");
    }
    return loader_strdup(loader, text);
}

bool call_list_take(struct loader *loader, const struct texts *texts, enum dynamic_user dynamic,
                    struct isolation_settings *settings)
{
    struct call_list list = {.room = call_count(), .add = true, .no_keys = dynamic != DYNAMIC_NO};
    bool good = true;

    settings->calls_written = calls_text(loader, texts, settings);
    if (texts->count == 1 && strcmp(texts->items[0].text, "all") == 0) {
        settings->filter_calls = false;
        return true;
    }
    if (texts->items)
        settings->filter_calls = true;
    if (!settings->filter_calls)
        return true;
    list.names = loader_array(loader, list.room + 1, sizeof *list.names);
    if (!list.names)
        return false;
    /* A list that begins with something taken away begins with the ordinary set. Where each
     * connection has a uid, that is without what outlives the connection: queues, shared memory
     * would be those of whoever gets the uid next. */
    if (dynamic == DYNAMIC_CONNECTION && !texts->items) {
        call_each("@ordinary-1", visit_call, &list);
        list.add = false;
        call_each("@ipc", visit_call, &list);
        list.add = true;
        settings->calls_written = "[ \"!@ipc\" ]";
    } else if (texts->count == 0 || texts->items[0].text[0] == '!')
        call_each("@ordinary-1", visit_call, &list);
    for (size_t i = 0; i < texts->count; i++)
        good &= apply_call(loader, &texts->items[i], &list);
    list.add = true;
    call_each("@ordinary-1", add_needed, &list);
    qsort(list.names, list.count, sizeof *list.names, compare_texts);
    settings->calls = list.names;
    return good;
}
