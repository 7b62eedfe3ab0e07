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

wn_status wn__export_values(const char *name, wn__st_dtype *out)
{
    static const struct {
        const char *name;
        wn__st_dtype dtype;
    } types[] = {{"f32", WN__ST_F32}, {"f16", WN__ST_F16}, {"bf16", WN__ST_BF16}};
    *out = WN__ST_OTHER;
    if (!name) return WN_OK;
    for (size_t i = 0; i < sizeof types / sizeof *types; i++)
        if (strcmp(types[i].name, name) == 0) {
            *out = types[i].dtype;
            return WN_OK;
        }
    return wn__fail(WN_EUSAGE, "no type \"%s\" of values; there are f32, f16, bf16", name);
}

wn_status wn__export_write(const wn__export_format *format, const wn__exported *network, const wn__export_how *how, const char *path)
{
    const struct {
        unsigned setting;
        bool given;
        const char *name;
    } settings[] = {{WN__EXPORT_OPSET, how->opset != 0, "opset"},
                    {WN__EXPORT_NORMS_STAY, how->norms_stay, "keep_batch_norm"},
                    {WN__EXPORT_SPARSE, how->sparse, "sparse_initializers"},
                    {WN__EXPORT_EXTERNAL, how->external, "external_data"},
                    {WN__EXPORT_PREPROCESS, how->preprocess, "preprocess"},
                    {WN__EXPORT_MASKS, how->masks, "masks"},
                    {WN__EXPORT_VALUES, how->values != NULL, "values"},
                    {WN__EXPORT_TARGET, how->target != NULL, "target"},
                    {WN__EXPORT_NAME, how->name != NULL, "name"},
                    {WN__EXPORT_MOST_IN_SOURCE, how->most_in_source != 0, "most_in_source"}};
    for (size_t i = 0; i < sizeof settings / sizeof *settings; i++)
        if (settings[i].given && !(format->takes & settings[i].setting))
            return wn__fail(WN_EUSAGE, "the format %s has no setting \"%s\"", format->name, settings[i].name);
    return format->write(network, how, path);
}
