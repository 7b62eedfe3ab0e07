/* Tar archives in memory and in files: both readers see the same entries, each of which lies inside. */
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "fuzz.h"
#include "io/tar.h"

typedef struct seen {
    int64_t size; /* of the archive */
    int64_t entries, bytes;
    uint64_t names;
} seen;

static void note(seen *s, const char *name, int64_t size)
{
    for (; *name; name++)
        s->names = s->names * 31 + (unsigned char)*name;
    s->entries++;
    s->bytes += size;
}

static wn_status visit(void *user, const char *name, const void *data, size_t size)
{
    volatile uint8_t sum = 0;
    for (size_t i = 0; i < size; i++)
        sum = (uint8_t)(sum + ((const uint8_t *)data)[i]);
    note(user, name, (int64_t)size);
    return WN_OK;
}

static wn_status visit_place(void *user, const char *name, int64_t at, int64_t size)
{
    seen *s = user;
    if (at < 0 || size < 0 || size > s->size - at) abort();
    note(s, name, size);
    return WN_OK;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    seen inside = {.size = (int64_t)size}, placed = inside;
    const int fd = memfd_create("archive", MFD_CLOEXEC);
    if (fd < 0 || write(fd, data, size) != (ssize_t)size) abort();
    const wn_status a = wn__tar_read("input", data, size, visit, &inside), b = wn__tar_index("input", fd, visit_place, &placed);
    close(fd);
    if (a != b || inside.entries != placed.entries || inside.bytes != placed.bytes || inside.names != placed.names) abort();
    return 0;
}
