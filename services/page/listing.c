/* See listing.h. */
#include "listing.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "date.h"

enum {
    ENTRIES_MAX = 10000,
    NAME_SIZE = 256, /* with the NUL; the kernel's longest name */
    ENCODED_SIZE = 3 * NAME_SIZE,
    ESCAPED_SIZE = 6 * NAME_SIZE, /* &quot; for a byte */
};

static const char table_style[] =
    "table { border-collapse: collapse; width: 100% }\n"
    "th { text-align: left; font-weight: 600 }\n"
    "th, td { padding: .25rem .75rem .25rem 0; border-bottom: 1px solid #8884 }\n"
    "td:first-child { overflow-wrap: anywhere }\n"
    "th:nth-child(n+2), td:nth-child(n+2) { text-align: right; white-space: nowrap; "
    "font-variant-numeric: tabular-nums }\n";

struct entry {
    char *name;
    mode_t mode;
    int64_t size;
    int64_t modified;
};

struct entries {
    struct entry *list;
    size_t count;
    size_t room;
    bool cut;
};

/* The length of the UTF-8 sequence at `text`, 0 when there is none that may be shown. */
static size_t sequence_length(const unsigned char *text)
{
    static const uint32_t lowest[] = {0, 0, 0x80, 0x800, 0x10000};
    if (text[0] < 0x80)
        return text[0] >= ' ' && text[0] != 0x7f;
    size_t length = text[0] >= 0xf0 ? 4 : text[0] >= 0xe0 ? 3 : text[0] >= 0xc0 ? 2 : 0;
    if (length == 0 || text[0] > 0xf4)
        return 0;
    uint32_t code = text[0] & (0x7fu >> length);
    for (size_t i = 1; i < length; i++) {
        if ((text[i] & 0xc0) != 0x80)
            return 0;
        code = code << 6 | (text[i] & 0x3f);
    }
    bool shown = code >= 0xa0 && (code < 0x202a || code > 0x202e) && /* text direction is not */
                 (code < 0x2066 || code > 0x2069) &&                 /* a name's to change */
                 (code < 0xd800 || code > 0xdfff) && code <= 0x10ffff;
    return code >= lowest[length] && shown ? length : 0;
}

size_t listing_escape(const char *text, char *to, size_t size)
{
    size_t used = 0;
    while (*text != '\0') {
        size_t taken = sequence_length((const unsigned char *)text);
        const char *piece = text;
        size_t length = taken;
        switch (taken == 1 ? *text : '\0') {
        case '&':
            piece = "&amp;";
            break;
        case '<':
            piece = "&lt;";
            break;
        case '>':
            piece = "&gt;";
            break;
        case '"':
            piece = "&quot;";
            break;
        case '\'':
            piece = "&#39;";
            break;
        default:
            if (taken == 0) {
                piece = "\xef\xbf\xbd";
                taken = 1;
            }
        }
        if (piece != text)
            length = strlen(piece);
        if (used + length >= size)
            break;
        memcpy(to + used, piece, length);
        used += length;
        text += taken;
    }
    to[used] = '\0';
    return used;
}

/* Directories first, then by name. */
static int compare_entries(const void *left, const void *right)
{
    const struct entry *a = left;
    const struct entry *b = right;
    if (S_ISDIR(a->mode) != S_ISDIR(b->mode))
        return S_ISDIR(a->mode) ? -1 : 1;
    return strcmp(a->name, b->name);
}

static bool add_entry(struct entries *entries, const char *name, const struct stat *st)
{
    if (entries->count == entries->room) {
        size_t room = entries->room == 0 ? 64 : entries->room * 2;
        struct entry *list = reallocarray(entries->list, room, sizeof *list);
        if (list == NULL)
            return false;
        entries->list = list;
        entries->room = room;
    }
    char *copy = strdup(name);
    if (copy == NULL)
        return false;
    entries->list[entries->count++] = (struct entry){
        .name = copy,
        .mode = st->st_mode,
        .size = st->st_size,
        .modified = st->st_mtim.tv_sec,
    };
    return true;
}

/* Only what could also be fetched is shown.  Symbolic links are not followed here: where they lead
 * is decided when one is asked for, and what they lead to out there is not described. */
static bool read_entries(struct entries *entries, DIR *dir, bool dot_files)
{
    const struct dirent *item;
    while ((item = readdir(dir)) != NULL) {
        struct stat st;
        if (strcmp(item->d_name, ".") == 0 || strcmp(item->d_name, "..") == 0 ||
            (item->d_name[0] == '.' && !dot_files) || strlen(item->d_name) >= NAME_SIZE)
            continue;
        if (fstatat(dirfd(dir), item->d_name, &st, AT_SYMLINK_NOFOLLOW) != 0 ||
            !(S_ISREG(st.st_mode) || S_ISDIR(st.st_mode) || S_ISLNK(st.st_mode)))
            continue;
        if (entries->count == ENTRIES_MAX) {
            entries->cut = true;
            break;
        }
        if (!add_entry(entries, item->d_name, &st))
            return false;
    }
    if (entries->count > 0)
        qsort(entries->list, entries->count, sizeof *entries->list, compare_entries);
    return true;
}

/* "2024-06-15 23:26", from the form that HTTP has: "Sat, 15 Jun 2024 23:26:00 GMT". */
static void write_date(FILE *page, int64_t seconds)
{
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    char text[DATE_SIZE];
    char name[4];
    date_format(seconds, text);
    memcpy(name, text + 8, 3);
    name[3] = '\0';
    const char *month = strstr(months, name);
    fprintf(page, "%.4s-%02d-%.2s %.5s", text + 12,
            month == NULL ? 0 : (int)(month - months) / 3 + 1, text + 5, text + 17);
}

static void write_size(FILE *page, int64_t size)
{
    static const char *const units[] = {"B", "KiB", "MiB", "GiB", "TiB", "PiB", "EiB"};
    double value = (double)size;
    size_t unit = 0;
    while (value >= 1024 && unit + 1 < sizeof units / sizeof *units) {
        value /= 1024;
        unit++;
    }
    fprintf(page, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value, units[unit]);
}

static void write_entry(FILE *page, const struct entry *entry)
{
    char encoded[ENCODED_SIZE + 1];
    char escaped[ESCAPED_SIZE + 1];
    const char *slash = S_ISDIR(entry->mode) ? "/" : "";
    (void)target_encode(entry->name, encoded, sizeof encoded);
    (void)listing_escape(entry->name, escaped, sizeof escaped);
    /* "./": a name with a colon would be taken for a scheme. */
    fprintf(page, "<tr><td><a href=\"./%s%s\">%s%s</a></td><td>", encoded, slash, escaped, slash);
    if (S_ISREG(entry->mode))
        write_size(page, entry->size);
    fprintf(page, "</td><td>");
    write_date(page, entry->modified);
    fprintf(page, "</td></tr>\n");
}

/* The page, which the caller frees; NULL when memory ran out. */
static char *make_page(const struct entries *entries, const struct target *target, size_t *length_r)
{
    char title[ESCAPED_SIZE * 4]; /* a longer path is cut */
    char *text = NULL;
    FILE *page = open_memstream(&text, length_r);
    if (page == NULL)
        return NULL;
    title[0] = '/';
    size_t used = 1 + listing_escape(target->path, title + 1, sizeof title - 2);
    if (target->length > 0) {
        title[used++] = '/';
        title[used] = '\0';
    }
    fprintf(page, REPLY_PAGE_TOP "%s" REPLY_PAGE_BODY "<h1>%s</h1>\n<table>\n", title, table_style,
            title);
    fprintf(page, "<thead><tr><th>Name</th><th>Size</th><th>Modified (UTC)</th></tr></thead>\n"
                  "<tbody>\n");
    if (target->length > 0)
        fprintf(page, "<tr><td><a href=\"../\">../</a></td><td></td><td></td></tr>\n");
    for (size_t i = 0; i < entries->count; i++)
        write_entry(page, &entries->list[i]);
    fprintf(page, "</tbody>\n</table>\n");
    if (entries->cut)
        fprintf(page, "<p>There is more here than this page shows.</p>\n");
    fprintf(page, "</body>\n</html>\n");
    bool failed = ferror(page) != 0;
    if (fclose(page) != 0 || failed) {
        free(text);
        return NULL;
    }
    return text;
}

void listing_answer(struct exchange *exchange, int directory, const struct target *target)
{
    struct entries entries = {0};
    DIR *dir = fdopendir(directory);
    char *page = NULL;
    size_t length = 0;
    if (dir == NULL)
        close(directory); /* leaves errno alone, the descriptor is good */
    else if (read_entries(&entries, dir, exchange->options->dot_files))
        page = make_page(&entries, target, &length);
    if (page != NULL) {
        reply_content(exchange, 200, REPLY_PAGE_POLICY "Cache-Control: no-cache\r\n",
                      "text/html; charset=utf-8", page, length);
    } else {
        fprintf(stderr, "page: cannot list a directory: %s\n", strerror(errno));
        reply_status(exchange, 500, "");
    }
    free(page);
    for (size_t i = 0; i < entries.count; i++)
        free(entries.list[i].name);
    free(entries.list);
    if (dir != NULL)
        closedir(dir);
}
