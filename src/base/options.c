#include "base/options.h"

#include <string.h>

static wn_status read_size(const void *theirs, const char *name, size_t own, size_t *size)
{
    memcpy(size, theirs, sizeof *size);
    if (*size >= sizeof *size && *size <= 65536) return WN_OK;
    return wn__fail(WN_EINVAL, "%s.size is %zu, must be sizeof(%s), here %zu", name, *size, name, own);
}

wn_status wn__options_take(const void *given, const char *name, size_t size, void *out)
{
    size_t theirs;
    memset(out, 0, size);
    memcpy(out, &size, sizeof size);
    if (!given) return WN_OK;
    WN_TRY(read_size(given, name, size, &theirs));
    for (size_t i = size; i < theirs; i++)
        if (((const char *)given)[i])
            return wn__fail(WN_EINVAL, "%s of %zu bytes: the library is older than its caller and knows the first %zu", name, theirs, size);
    memcpy((char *)out + sizeof size, (const char *)given + sizeof size, (theirs < size ? theirs : size) - sizeof size);
    return WN_OK;
}

wn_status wn__options_give(const void *own, const char *name, size_t size, void *theirs)
{
    size_t room;
    if (!theirs) return wn__fail(WN_EINVAL, "the %s to fill in is NULL", name);
    WN_TRY(read_size(theirs, name, size, &room));
    char *to = theirs;
    const size_t known = room < size ? room : size;
    memcpy(to + sizeof room, (const char *)own + sizeof room, known - sizeof room);
    memset(to + known, 0, room - known);
    return WN_OK;
}
