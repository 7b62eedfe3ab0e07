#include "exchange/format.h"

#include <string.h>

#include "base/fail.h"
#include "base/text.h"

#define WN__FORMAT(name) extern const wn__export_format wn__format_##name;
#include "exchange/list.h"
#undef WN__FORMAT

const wn__export_format *const wn__export_formats[] = {
#define WN__FORMAT(name) &wn__format_##name,
#include "exchange/list.h"
#undef WN__FORMAT
    NULL};

wn_status wn__export_find(const char *name, const wn__export_format **out)
{
    wn__text names = {0};
    for (int i = 0; wn__export_formats[i]; i++) {
        if (strcmp(wn__export_formats[i]->name, name) == 0) {
            *out = wn__export_formats[i];
            wn__text_release(&names);
            return WN_OK;
        }
        wn__text_add(&names, "%s%s", i ? ", " : "", wn__export_formats[i]->name);
    }
    const wn_status status = wn__fail(WN_EUSAGE, "no format \"%s\"; there are %s", name, names.data);
    wn__text_release(&names);
    return status;
}

static unsigned given(const wn__export_how *h)
{
    return (h->opset ? WN__EXPORT_OPSET : 0u) | (h->norms_stay ? WN__EXPORT_NORMS_STAY : 0u) | (h->sparse ? WN__EXPORT_SPARSE : 0u) |
           (h->external ? WN__EXPORT_EXTERNAL : 0u) | (h->preprocess ? WN__EXPORT_PREPROCESS : 0u) | (h->target ? WN__EXPORT_TARGET : 0u) |
           (h->name ? WN__EXPORT_NAME : 0u) | (h->masks ? WN__EXPORT_MASKS : 0u);
}

wn_status wn__export_write(const wn__export_format *format, const wn__exported *network, const wn__export_how *how, const char *path)
{
    static const struct {
        unsigned setting;
        const char *name;
    } names[] = {{WN__EXPORT_OPSET, "opset"},
                 {WN__EXPORT_NORMS_STAY, "norms stay"},
                 {WN__EXPORT_SPARSE, "sparse initializers"},
                 {WN__EXPORT_EXTERNAL, "external data"},
                 {WN__EXPORT_PREPROCESS, "preprocess"},
                 {WN__EXPORT_TARGET, "target"},
                 {WN__EXPORT_NAME, "name"},
                 {WN__EXPORT_MASKS, "masks"}};
    const unsigned idle = given(how) & ~format->takes;
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (idle & names[i].setting) return wn__fail(WN_EUSAGE, "the format %s has no setting \"%s\"", format->name, names[i].name);
    return format->write(network, how, path);
}
