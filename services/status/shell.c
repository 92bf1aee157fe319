/* See shell.h. */
#include "shell.h"

#include "words.h"

/* clang-format off */
static const char style[] =
    ":root { color-scheme: light dark; --back: #f6f7f9; --card: #fff; --text: #1b1f24; --dim: #5c6570;"
    " --line: #dde1e6; --bar: #2f6fb3; --refused: #c4511d; --good: #1b7a43; --odd: #8a6100; --bad: #b3261e;"
    " --hatch: #e8ebef }\n"
    "@media (prefers-color-scheme: dark) { :root { --back: #14171b; --card: #1d2127; --text: #e5e8ec;"
    " --dim: #9aa4b0; --line: #333a43; --bar: #6aa9ea; --refused: #f0875a; --good: #63c98c; --odd: #e0b450;"
    " --bad: #ff8a80; --hatch: #262b32 } }\n"
    "* { box-sizing: border-box }\n"
    "body { margin: 0 auto; padding: 1rem 1.25rem 3rem; max-width: 84rem; background: var(--back);"
    " color: var(--text); font: .9375rem/1.45 system-ui, sans-serif }\n"
    "header { display: flex; flex-wrap: wrap; align-items: baseline; gap: .25rem 1rem }\n"
    "h1 { font-size: 1.35rem; margin: .25rem 0; overflow-wrap: anywhere }\n"
    "h1 span, h2 small { color: var(--dim); font-weight: 400 }\n"
    "h2 { font-size: 1.05rem; margin: 1.75rem 0 .5rem }\n"
    "h2 small { font-size: .85rem; margin-left: .4rem }\n"
    "nav { margin-left: auto; font-size: .875rem } nav a { margin-left: .9rem; color: var(--bar) }\n"
    "code { font: .875em ui-monospace, monospace; overflow-wrap: anywhere }\n"
    ".about, .note { color: var(--dim); margin: .35rem 0 }\n"
    "#live { font-size: .8125rem; color: var(--dim) }\n"
    "#live::before { content: ''; display: inline-block; width: .55rem; height: .55rem; border-radius: 50%;"
    " margin-right: .35rem; background: var(--dim) }\n"
    "#live.on::before { background: var(--good) }\n"
    "#away { background: var(--card); border: 1px solid var(--bad); border-left-width: .3rem;"
    " border-radius: .4rem; padding: .6rem .9rem; margin: .75rem 0; overflow-wrap: anywhere }\n"
    ".tiles { display: grid; grid-template-columns: repeat(auto-fit, minmax(9.5rem, 1fr)); gap: .75rem;"
    " margin-top: .75rem }\n"
    ".tile, figure, .wide, .log { background: var(--card); border: 1px solid var(--line);"
    " border-radius: .5rem }\n"
    ".tile { padding: .6rem .8rem; display: flex; flex-direction: column }\n"
    ".tile span, .tile small { color: var(--dim); font-size: .8125rem }\n"
    ".tile b { font-size: 1.5rem; font-weight: 600; line-height: 1.3; font-variant-numeric: tabular-nums }\n"
    ".charts { display: grid; grid-template-columns: repeat(auto-fit, minmax(min(22rem, 100%), 1fr));"
    " gap: .75rem }\n"
    "figure { margin: 0; padding: .7rem .8rem }\n"
    "figcaption { display: flex; justify-content: space-between; gap: 1rem; font-size: .875rem }\n"
    "figcaption span, .axis, .top { color: var(--dim); font-size: .75rem }\n"
    ".plot { position: relative; margin-top: .3rem }\n"
    ".plot svg { display: block; width: 100%; height: 8.5rem; color: var(--line) }\n"
    ".top { position: absolute; left: .25rem; top: .1rem; background: var(--card); border-radius: .2rem;"
    " padding: 0 .25rem }\n"
    ".axis { display: flex; justify-content: space-between }\n"
    ".bar { fill: var(--bar) } .bar-refused { fill: var(--refused) } .unknown { fill: var(--hatch) }\n"
    ".grid { stroke: currentColor; fill: none; vector-effect: non-scaling-stroke }\n"
    ".small { display: block; width: 8rem; height: 1.6rem }\n"
    ".wide { overflow-x: auto }\n"
    "table { border-collapse: collapse; width: 100% }\n"
    "table.narrow { max-width: 52rem }\n"
    "th, td { text-align: left; padding: .4rem .7rem; border-top: 1px solid var(--line);"
    " vertical-align: middle; white-space: nowrap }\n"
    "thead th { border-top: 0; color: var(--dim); font-weight: 500; font-size: .8125rem }\n"
    "tbody th { font-weight: 600; white-space: normal; overflow-wrap: anywhere }\n"
    ".n { text-align: right; font-variant-numeric: tabular-nums }\n"
    ".listeners { display: flex; flex-wrap: wrap; gap: 0 .6rem; white-space: normal }\n"
    ".of { color: var(--dim) }\n"
    "meter { display: block; width: 100%; min-width: 4.5rem; height: .5rem }\n"
    ".share { width: 35% } .share svg { display: block; width: 100%; height: .5rem }\n"
    ".state { display: inline-block; padding: 0 .5rem; border-radius: 1rem; border: 1px solid;"
    " font-size: .8125rem; font-weight: 500 }\n"
    ".state.good { color: var(--good) } .state.odd { color: var(--odd) } .state.bad { color: var(--bad) }\n"
    ".log { list-style: none; margin: 0; padding: .35rem 0; font: .8125rem/1.5 ui-monospace, monospace }\n"
    ".log li { padding: .12rem .8rem .12rem 6.6rem; text-indent: -5.8rem; overflow-wrap: anywhere }\n"
    ".log time, .log i { color: var(--dim); font-style: normal }\n"
    ".log .odd b { color: var(--odd) } .log .bad b { color: var(--bad) }\n"
    "@media (max-width: 46rem) {\n"
    " body { padding: .75rem .75rem 2rem } nav { margin-left: 0 } nav a { margin: 0 .9rem 0 0 }\n"
    " .tiles { grid-template-columns: repeat(2, 1fr); gap: .5rem }\n"
    " .wide { background: none; border: 0; overflow: visible } thead { display: none }\n"
    " table, tbody { display: block } \n"
    " tr { display: block; background: var(--card); border: 1px solid var(--line); border-radius: .5rem;"
    " padding: .35rem 0; margin-bottom: .5rem }\n"
    " tbody th { display: block; border: 0; padding: .2rem .8rem }\n"
    " td, td.n { display: flex; justify-content: space-between; align-items: center; gap: .3rem 1rem;"
    " border: 0; padding: .1rem .8rem; text-align: right; white-space: normal; overflow-wrap: anywhere }\n"
    " td::before { content: attr(data-label); color: var(--dim); font-size: .8125rem; flex: none;"
    " text-align: left }\n"
    " td meter { order: 1; width: 6rem; min-width: 0 }\n"
    " td:has(meter)::before { margin-right: auto } td:has(meter) > span { order: 2 }\n"
    " .listeners { justify-content: flex-end } .share { width: auto }\n"
    " .log li { padding: .25rem .8rem; text-indent: 0 }\n"
    "}\n";

/* Sections arrive as events of their names.  A browser connects again by itself when the stream
 * ends. */
static const char script[] =
    "'use strict';\n"
    "const live = document.getElementById('live'), away = document.getElementById('away');\n"
    "const tell = (on, text) => { live.className = on ? 'on' : ''; live.textContent = text };\n"
    "const stream = new EventSource('events');\n"
    "stream.onopen = () => tell(true, 'live');\n"
    "stream.onerror = () => tell(false, 'not connected');\n"
    "stream.addEventListener('away', e => { away.textContent = e.data; away.hidden = !e.data });\n"
    "for (const section of document.querySelectorAll('section'))\n"
    "  stream.addEventListener(section.id, e => { section.innerHTML = e.data; away.hidden = true });\n";
/* clang-format on */

void shell_begin(FILE *page, const char *host, int reload_s)
{
    fputs("<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
          "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
          "<meta name=\"referrer\" content=\"no-referrer\">\n"
          "<link rel=\"icon\" href=\"data:,\">\n<title>superd on ",
          page);
    words_escape(page, host, 255);
    fprintf(page,
            "</title>\n<noscript><meta http-equiv=\"refresh\" content=\"%d\"></noscript>\n"
            "<style>\n%s</style>\n</head>\n<body>\n<header><h1>superd <span>on ",
            reload_s, style);
    words_escape(page, host, 255);
    fputs("</span></h1><span id=\"live\">as of loading</span>"
          "<nav><a href=\"status.json\">JSON</a><a href=\"metrics\">metrics</a></nav></header>\n"
          "<main>\n",
          page);
}

void shell_end(FILE *page, const char *nonce)
{
    fprintf(page, "</main>\n<script nonce=\"%s\">\n%s</script>\n</body>\n</html>\n", nonce, script);
}
