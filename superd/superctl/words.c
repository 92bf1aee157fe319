/* words: see words.h. */
#include "superctl/words.h"

#include <getopt.h>
#include <string.h>

#include "superctl/connection.h"

int words_read(struct superctl *ctl, int argc, char **argv, const char *letters,
               struct words *words)
{
    static const struct option options[] = {{"json", no_argument, NULL, 'j'},
                                            {"rates", no_argument, NULL, 'r'},
                                            {"sort", required_argument, NULL, 'o'},
                                            {"source", required_argument, NULL, 'S'},
                                            {0}};
    int option;

    *words = (struct words){0};
    while ((option = getopt_long(argc, argv, letters, options, NULL)) != -1) {
        if (option == '?' || !strchr(letters, option))
            return usage_error(argv[0], "that option is not known here");
        if (option == 'j')
            ctl->json = true;
        else if (option == 'r')
            words->rates = true;
        else if (option == 'o')
            words->sort = optarg;
        else
            words->source = optarg;
    }
    if (argc - optind > 1)
        return usage_error(argv[0], "unexpected argument \"%s\"", argv[optind + 1]);
    if (optind < argc)
        words->service = argv[optind];
    return CODE_OK;
}
