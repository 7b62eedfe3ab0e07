#include "io/image.h"

#include "base/fail.h"
#include "io/file_kind.h"

#define WN_IMAGE_FORMAT(name) extern const wn__image_format wn__image_##name;
#include "io/image_list.h"
#undef WN_IMAGE_FORMAT

static const wn__image_format *const formats[] = {
#define WN_IMAGE_FORMAT(name) &wn__image_##name,
#include "io/image_list.h"
#undef WN_IMAGE_FORMAT
};

static wn_status find_format(const uint8_t *bytes, size_t size, const wn__image_format **found)
{
    for (size_t i = 0; i < sizeof formats / sizeof *formats; i++) {
        if (!formats[i]->recognises(bytes, size)) continue;
        *found = formats[i];
        if (formats[i]->read) return WN_OK;
        return wn__fail(WN_EUNSUPPORTED, "a %s picture, which this build does not read (%s was not found)", formats[i]->name,
                        formats[i]->library);
    }
    const char *kind = wn__file_kind(bytes, size);
    if (kind) return wn__fail(WN_EFORMAT, "is %s; valid: JPEG, PNG, WebP", kind);
    return wn__fail(WN_EFORMAT, "is no JPEG, PNG or WebP picture");
}

static wn_status look(const uint8_t *bytes, size_t size, const wn__image_format **format, wn__image_info *info)
{
    WN_TRY(find_format(bytes, size, format));
    *info = (wn__image_info){.format = (*format)->name, .orientation = 1};
    WN_TRY((*format)->look(bytes, size, info));
    if (info->height < 1 || info->width < 1) return wn__fail(WN_EFORMAT, "has %d x %d pixels", info->width, info->height);
    return WN_OK;
}

static wn_status decode(const uint8_t *bytes, size_t size, const wn__image_options *options, wn__pixels *pixels)
{
    const wn__image_format *format;
    wn__image_info info;
    WN_TRY(look(bytes, size, &format, &info));
    const int64_t most = options->most_pixels > 0 ? options->most_pixels : WN__IMAGE_MOST_PIXELS;
    if ((int64_t)info.height * info.width > most)
        return wn__fail(WN_EUNSUPPORTED, "has %d x %d pixels, more than the limit of %lld", info.width, info.height, (long long)most);
    const int channels = options->color == WN__COLOR_STORED ? info.channels : options->color == WN__COLOR_RGB ? 3 : 1;
    WN_TRY(wn__pixels_make(pixels, channels, info.height, info.width));
    WN_TRY(format->read(bytes, size, pixels));
    return options->upright ? wn__pixels_orient(pixels, info.orientation) : WN_OK;
}

wn_status wn__image_look(const char *label, const void *bytes, size_t size, wn__image_info *info)
{
    const wn__image_format *format;
    const wn_status status = look(bytes, size, &format, info);
    return status == WN_OK ? WN_OK : wn__fail_within(status, "%s: ", label);
}

wn_status wn__image_decode(const char *label, const void *bytes, size_t size, const wn__image_options *options, wn__pixels *pixels)
{
    const wn_status status = decode(bytes, size, options, pixels);
    return status == WN_OK ? WN_OK : wn__fail_within(status, "%s: ", label);
}
