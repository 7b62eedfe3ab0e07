/* A folder of its own for a test program: made by scratch_make in main, removed by scratch_remove. */
#ifndef WN_SCRATCH_FOLDER_H
#define WN_SCRATCH_FOLDER_H

#include <stdlib.h>

#include "base/files.h"
#include "test.h"

static char scratch_folder[] = "/tmp/winnow-test-XXXXXX";

static inline void scratch_make(void)
{
    if (!mkdtemp(scratch_folder)) {
        perror(scratch_folder);
        exit(1);
    }
}

static inline void scratch_remove(void)
{
    if (wn__remove_tree(scratch_folder) != WN_OK) fprintf(stderr, "%s\n", wn_error_message());
}

/* Path of `name` in the folder; valid for the next 31 calls. */
static inline const char *scratch_path(const char *name)
{
    static char paths[32][512];
    static int turn;
    char *path = paths[turn++ % 32];
    snprintf(path, sizeof(paths[0]), "%s/%s", scratch_folder, name);
    return path;
}

/* Runs the tests inside the folder's life. */
static inline int scratch_test_main(int argc, char **argv, const wn_test *tests)
{
    scratch_make();
    const int code = wn_test_main(argc, argv, tests);
    scratch_remove();
    return code;
}

#endif
