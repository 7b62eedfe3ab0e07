/* Runs a fuzz target without a fuzzer: on each file of a folder, on every truncation of it (at most VARIANTS, evenly spaced), and with single
 * bytes changed. A target that crashes, or that a sanitizer stops, fails the test. */
#include <dirent.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "fuzz.h"

static size_t most_variants = 256; /* truncations of a file */

/* A copy of exactly `size` bytes, so that a read beyond them is seen by the address sanitizer. */
static void run_copy(const uint8_t *data, size_t size, size_t changed_at, uint8_t change)
{
    uint8_t *copy = malloc(size ? size : 1);
    if (!copy) exit(1);
    if (size > 0) memcpy(copy, data, size);
    if (changed_at < size) copy[changed_at] ^= change;
    LLVMFuzzerTestOneInput(copy, size);
    free(copy);
}

static void run_variants(const uint8_t *data, size_t size)
{
    static const uint8_t changes[] = {0x01, 0x80, 0xFF};
    const size_t step = size / most_variants + 1;
    run_copy(data, size, size, 0);
    for (size_t at = 0; at < size; at += step) {
        run_copy(data, at, at, 0);
        for (size_t i = 0; i < sizeof changes; i++)
            run_copy(data, size, at, changes[i]);
    }
}

static int run_file(const char *path)
{
    FILE *file = fopen(path, "rb");
    if (!file || fseek(file, 0, SEEK_END) != 0) return 0;
    const long size = ftell(file);
    rewind(file);
    uint8_t *data = malloc(size > 0 ? (size_t)size : 1);
    const int read = data && size >= 0 && fread(data, 1, (size_t)size, file) == (size_t)size;
    fclose(file);
    if (read) run_variants(data, (size_t)size);
    free(data);
    return read;
}

int main(int argc, char **argv)
{
    DIR *folder = argc == 2 || argc == 3 ? opendir(argv[1]) : NULL;
    int files = 0;
    if (argc == 3) most_variants = strtoul(argv[2], NULL, 10);
    if (!folder || most_variants == 0) {
        fprintf(stderr, "usage: %s FOLDER [VARIANTS]\n", argv[0]);
        return 2;
    }
    for (const struct dirent *entry; (entry = readdir(folder));) {
        char path[4096];
        if (entry->d_name[0] == '.') continue;
        snprintf(path, sizeof path, "%s/%s", argv[1], entry->d_name);
        if (!run_file(path)) {
            fprintf(stderr, "cannot read %s\n", path);
            return 1;
        }
        files++;
    }
    closedir(folder);
    printf("%d files\n", files);
    return files > 0 ? 0 : 1;
}
