#include "base/options.h"

#include <string.h>

wn_status wn__options_take(const void *given, const char *name, size_t size, void *out)
{
    size_t theirs;
    memset(out, 0, size);
    memcpy(out, &size, sizeof size);
    if (!given) return WN_OK;
    memcpy(&theirs, given, sizeof theirs);
    if (theirs < sizeof theirs || theirs > 65536)
        return wn__fail(WN_EINVAL, "%s.size is %zu, must be sizeof(%s), here %zu", name, theirs, name, size);
    for (size_t i = size; i < theirs; i++)
        if (((const char *)given)[i])
            return wn__fail(WN_EINVAL, "%s of %zu bytes: the library is older than its caller and knows the first %zu", name, theirs, size);
    memcpy((char *)out + sizeof size, (const char *)given + sizeof size, (theirs < size ? theirs : size) - sizeof size);
    return WN_OK;
}
