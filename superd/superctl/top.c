/*
 * top: services and instances, live, on the whole screen. What it shows comes from top_sample.c.
 */
#include "superctl/top.h"

#include <getopt.h>
#include <locale.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/units.h"
#include "config.h"

#ifndef HAVE_NCURSES

int command_top(struct superctl *ctl, int argc, char **argv)
{
    (void)ctl;
    (void)argc;
    (void)argv;
    return fail(CODE_USAGE, "this superctl was built without ncurses, which top needs; \"superctl "
                            "status\" has the same numbers");
}

#else

#include <ncurses.h>

#define HEADER_LINES 4 /* with the titles */
#define FOOTER_LINES 1

enum { PAIR_GOOD = 1, PAIR_WARN, PAIR_BAD };

struct screen {
    enum top_view view;
    int sort[TOP_VIEWS];
    bool reverse[TOP_VIEWS];
    size_t top; /* row that is drawn first */
    uint64_t interval_ms;
    bool colour, answered;
    struct top_sample now, before;
};

/* ---- Drawing -------------------------------------------------------------------------------- */

static int column_count(enum top_view view)
{
    int count = 0;

    while (count < TOP_COLUMNS && top_columns[view][count].title)
        count++;
    return count;
}

/* The first of a text's characters, padded; texts stand left, numbers right. */
static void draw_cell(int line, int x, const struct top_column *column, const char *text)
{
    char cell[128];

    if (column->format == TOP_TEXT)
        snprintf(cell, sizeof cell, "%-*.*s", column->width, column->width, text);
    else
        snprintf(cell, sizeof cell, "%*.*s", column->width, column->width, text);
    mvaddnstr(line, x, cell, COLS - x); /* never on to the next line */
}

static attr_t attributes_of(const struct screen *screen, const char *text)
{
    const char *escape = colour_of(text);

    if (!screen->colour || !*escape)
        return A_NORMAL;
    return (attr_t)COLOR_PAIR(strcmp(escape, COLOUR_RED) == 0 ? PAIR_BAD
                              : strstr(escape, "32")          ? PAIR_GOOD
                                                              : PAIR_WARN);
}

static void draw_row(const struct screen *screen, int line, const struct top_row *row)
{
    char text[64];

    for (int i = 0, x = 0; i < column_count(screen->view) && x < COLS; i++) {
        const struct top_column *column = &top_columns[screen->view][i];
        attr_t attributes = A_NORMAL;

        top_cell(row, screen->view, i, text);
        if (column->format == TOP_TEXT && i > 0)
            attributes = attributes_of(screen, text);
        attron(attributes);
        draw_cell(line, x, column, text);
        attroff(attributes);
        x += column->width + 1;
    }
}

static void draw_titles(const struct screen *screen)
{
    attron(A_REVERSE);
    mvhline(HEADER_LINES - 1, 0, ' ', COLS);
    for (int i = 0, x = 0; i < column_count(screen->view) && x < COLS; i++) {
        const struct top_column *column = &top_columns[screen->view][i];

        if (i == screen->sort[screen->view])
            attron(A_BOLD | A_UNDERLINE);
        draw_cell(HEADER_LINES - 1, x, column, column->title);
        attroff(A_BOLD | A_UNDERLINE);
        x += column->width + 1;
    }
    attroff(A_REVERSE);
}

static void draw_header(const struct screen *screen)
{
    const json_t *daemon = screen->now.daemon;
    char uptime[AMOUNT_SIZE];

    if (!screen->answered) {
        attron(A_BOLD);
        mvaddnstr(0, 0, "superd does not answer; trying again", COLS);
        attroff(A_BOLD);
        return;
    }
    mvprintw(0, 0, "superd %s  pid %llu  %s  generation %llu  up %s", text_of(daemon, "version"),
             (unsigned long long)number_of(daemon, "pid"), text_of(daemon, "state"),
             (unsigned long long)number_of(daemon, "generation"),
             format_duration(number_of(daemon, "uptime_ms"), uptime));
    mvprintw(1, 0, "%llu instances  %llu services  %llu sources  room for %llu more",
             (unsigned long long)number_of(daemon, "instances"),
             (unsigned long long)number_of(daemon, "services"),
             (unsigned long long)number_of(daemon, "sources"),
             (unsigned long long)number_of(daemon, "descriptors_left"));
}

static size_t page_rows(void)
{
    return LINES > HEADER_LINES + FOOTER_LINES ? (size_t)(LINES - HEADER_LINES - FOOTER_LINES) : 0;
}

static void draw(struct screen *screen)
{
    size_t rows = page_rows();

    erase();
    draw_header(screen);
    draw_titles(screen);
    if (screen->top + rows > screen->now.count)
        screen->top = screen->now.count > rows ? screen->now.count - rows : 0;
    for (size_t i = 0; i < rows && screen->top + i < screen->now.count; i++)
        draw_row(screen, HEADER_LINES + (int)i, &screen->now.list[screen->top + i]);
    attron(A_DIM);
    mvaddnstr(LINES - 1, 0,
              "q quit  Tab services/instances  < > sort  r reverse  j k PgUp PgDn scroll", COLS);
    attroff(A_DIM);
    refresh();
}

/* ---- Looking -------------------------------------------------------------------------------- */

static void look(struct superctl *ctl, struct screen *screen)
{
    struct top_sample sample;

    screen->answered = top_look(ctl, screen->view, &screen->now, &sample);
    if (!screen->answered)
        return;
    top_forget(&screen->before);
    screen->before = screen->now;
    screen->now = sample;
    top_sort(&screen->now, screen->view, screen->sort[screen->view], screen->reverse[screen->view]);
}

static void switch_view(struct superctl *ctl, struct screen *screen)
{
    screen->view = screen->view == TOP_SERVICES ? TOP_INSTANCES : TOP_SERVICES;
    screen->top = 0;
    top_forget(&screen->now);
    look(ctl, screen);
}

static void change_sort(struct screen *screen, int step)
{
    int *column = &screen->sort[screen->view], count = column_count(screen->view);

    *column = (*column + step + count) % count;
    top_sort(&screen->now, screen->view, *column, screen->reverse[screen->view]);
}

static void scroll_by(struct screen *screen, long rows)
{
    screen->top = rows < 0 && (size_t)-rows > screen->top ? 0 : screen->top + (size_t)rows;
}

/* False: quit. */
static bool on_key(struct superctl *ctl, struct screen *screen, int key)
{
    switch (key) {
    case 'q':
    case 'Q':
    case 27:
        return false;
    case '\t':
    case 's':
    case 'i':
        switch_view(ctl, screen);
        break;
    case '<':
    case KEY_LEFT:
        change_sort(screen, -1);
        break;
    case '>':
    case KEY_RIGHT:
        change_sort(screen, 1);
        break;
    case 'r':
        screen->reverse[screen->view] = !screen->reverse[screen->view];
        change_sort(screen, 0);
        break;
    case 'j':
    case KEY_DOWN:
        scroll_by(screen, 1);
        break;
    case 'k':
    case KEY_UP:
        scroll_by(screen, -1);
        break;
    case ' ':
    case KEY_NPAGE:
        scroll_by(screen, (long)page_rows());
        break;
    case KEY_PPAGE:
        scroll_by(screen, -(long)page_rows());
        break;
    default: /* KEY_RESIZE among them: it is drawn anew anyway */
        break;
    }
    return true;
}

static void run(struct superctl *ctl, struct screen *screen)
{
    uint64_t next = clock_now_ms() + screen->interval_ms;
    int key = ERR;

    look(ctl, screen);
    do {
        uint64_t now = clock_now_ms();

        if (now >= next) {
            look(ctl, screen);
            next = now + screen->interval_ms;
        }
        draw(screen);
        timeout((int)(next - now < 60000 ? next - now : 60000));
        key = getch();
    } while (on_key(ctl, screen, key));
}

static void open_screen(const struct superctl *ctl, struct screen *screen)
{
    setlocale(LC_ALL, "");
    initscr();
    cbreak();
    noecho();
    nonl();
    keypad(stdscr, TRUE);
    set_escdelay(50);
    curs_set(0);
    screen->colour = ctl->colour && has_colors();
    if (screen->colour) {
        start_color();
        use_default_colors();
        init_pair(PAIR_GOOD, COLOR_GREEN, -1);
        init_pair(PAIR_WARN, COLOR_YELLOW, -1);
        init_pair(PAIR_BAD, COLOR_RED, -1);
    }
}

int command_top(struct superctl *ctl, int argc, char **argv)
{
    static const struct option options[] = {{"delay", required_argument, NULL, 'd'}, {0}};
    struct screen screen = {.sort = {[TOP_SERVICES] = 0, [TOP_INSTANCES] = 0}, .interval_ms = 1000};
    uint64_t seconds;
    int option;

    while ((option = getopt_long(argc, argv, "d:", options, NULL)) != -1) {
        if (option != 'd')
            return usage_error(argv[0], "that option is not known here");
        if (!units_parse_number(optarg, 3600, &seconds) || seconds == 0)
            return usage_error(argv[0], "-d takes seconds, 1 to 3600");
        screen.interval_ms = seconds * 1000;
    }
    if (optind < argc)
        return usage_error(argv[0], "unexpected argument \"%s\"", argv[optind]);
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return fail(CODE_USAGE, "top needs a terminal; \"superctl --json status\" does not");
    if (!getenv("TERM"))
        return fail(CODE_USAGE, "TERM does not say what terminal this is");
    open_screen(ctl, &screen);
    run(ctl, &screen);
    endwin();
    top_forget(&screen.now);
    top_forget(&screen.before);
    return CODE_OK;
}

#endif
