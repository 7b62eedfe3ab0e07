#include "base/arguments.h"

#include <inttypes.h>

wn_status wn__need(const char *call, const char *name, const void *pointer)
{
    return pointer ? WN_OK : wn__fail(WN_EINVAL, "%s: %s is NULL", call, name);
}

wn_status wn__need_count(const char *call, const char *name, int64_t count)
{
    return count >= 0 ? WN_OK : wn__fail(WN_EINVAL, "%s: %s is %" PRId64 ", must be 0 or more", call, name, count);
}

wn_status wn__need_texts(const char *call, const char *count_name, int64_t count, const char *name, const char *const *texts)
{
    WN_TRY(wn__need_count(call, count_name, count));
    if (count > 0) WN_TRY(wn__need(call, name, texts));
    for (int64_t i = 0; i < count; i++)
        if (!texts[i]) return wn__fail(WN_EINVAL, "%s: %s[%" PRId64 "] is NULL", call, name, i);
    return WN_OK;
}
