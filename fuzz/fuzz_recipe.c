#include <stdio.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "recipe/recipe.h"

/* A recipe is read or refused with a message; an accepted one can be written. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[64];
    const int fd = memfd_create("recipe.yaml", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
    wn__recipe *recipe = NULL;
    const wn__recipe_source source = {.path = path};
    if (wn__recipe_read(&source, &recipe) == WN_OK) {
        wn__text text = {0};
        if (wn__recipe_write(recipe, &text) != WN_OK) abort();
        wn__text_release(&text);
        wn__recipe_free(recipe);
    } else if (!*wn_error_message()) {
        abort();
    }
    close(fd);
    return 0;
}
