#include "data/shards.h"

#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/text.h"

wn_status wn__shards_visit(const char *pattern, wn__shard_visit each, void *user)
{
    const char *open = strchr(pattern, '{'), *dots = open ? strstr(open, "..") : NULL, *shut = dots ? strchr(dots, '}') : NULL;
    if (!open) return each(user, pattern);
    char *end;
    const long first = strtol(open + 1, &end, 10), last = dots ? strtol(dots + 2, NULL, 10) : -1;
    if (!shut || end != dots || last < first || first < 0)
        return wn__fail(WN_EUSAGE, "%s: braces hold the first and the last number, as in train-{0000..0127}.tar", pattern);
    for (long i = first; i <= last; i++) {
        wn__text name = {0};
        wn__text_add(&name, "%.*s%0*ld%s", (int)(open - pattern), pattern, (int)(dots - open - 1), i, shut + 1);
        const wn_status status = name.failed ? wn__no_memory(name.size) : each(user, name.data);
        wn__text_release(&name);
        WN_TRY(status);
    }
    return WN_OK;
}
