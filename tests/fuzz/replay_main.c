/* Runs a fuzz target over the files of its corpus, for compilers and machines without libFuzzer, so
 * that what a fuzzer once found stays found.  Each file is given whole, cut at every length, and
 * with each of its bytes replaced by some that parsers trip over; a long one at a thousand places that
 * are spread over it.  Usage: fuzz_NAME [DIRECTORY];
 * without it corpus/NAME here, by the environment's `srcdir`, as the test driver sets it.  An empty
 * or missing corpus is a failure: then nothing would be tested. */
#include <config.h>

#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { INPUT_MAX = 65536, PLACES_MAX = 1024 };

/* Give the target a copy of its own, of just this size, so that a sanitizer sees a read beyond. */
static void run_copy(const uint8_t *data, size_t size)
{
    uint8_t *copy = malloc(size > 0 ? size : 1);

    if (copy == NULL)
        abort();
    memcpy(copy, data, size);
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_variants(uint8_t *data, size_t size)
{
    static const uint8_t bytes[] = {0, '\t', '\n', '\r', ' ', '.', '/', '@', '~', 0x7f, 0x80, 0xff};

    run_copy(data, size);
    for (size_t i = 0; i < size; i += size / PLACES_MAX + 1) {
        uint8_t kept = data[i];
        run_copy(data, i);
        for (size_t j = 0; j < sizeof bytes; j++) {
            data[i] = bytes[j];
            run_copy(data, size);
        }
        data[i] = kept;
    }
}

static int run_file(const char *directory, const char *name)
{
    static uint8_t data[INPUT_MAX];
    char path[4096];

    if ((size_t)snprintf(path, sizeof path, "%s/%s", directory, name) >= sizeof path)
        return -1;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        perror(path);
        return -1;
    }
    size_t size = fread(data, 1, sizeof data, file);
    fclose(file);
    run_variants(data, size);
    return 0;
}

static void own_corpus(const char *program, char *directory, size_t capacity)
{
    const char *name = strrchr(program, '/') != NULL ? strrchr(program, '/') + 1 : program;
    const char *source = getenv("srcdir");

    if (strncmp(name, "fuzz_", 5) == 0)
        name += 5;
    snprintf(directory, capacity, "%s/tests/fuzz/corpus/%s", source != NULL ? source : ".", name);
}

int main(int argc, char **argv)
{
    char directory[4096];
    const struct dirent *entry;
    int files = 0;

    if (argc > 1)
        snprintf(directory, sizeof directory, "%s", argv[1]);
    else
        own_corpus(argv[0], directory, sizeof directory);
    DIR *corpus = opendir(directory);
    if (corpus == NULL) {
        perror(directory);
        return 1;
    }
    while ((entry = readdir(corpus)) != NULL) {
        if (entry->d_name[0] == '.')
            continue;
        if (run_file(directory, entry->d_name) < 0)
            return 1;
        files++;
    }
    closedir(corpus);
    printf("%s: %d files\n", directory, files);
    return files > 0 ? 0 : 1;
}
