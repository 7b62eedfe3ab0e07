#include "io/file_kind.h"

#include "base/locale.h"

#include <string.h>
#include <strings.h>

typedef struct signature {
    size_t offset, length;
    const char *bytes;
    const char *kind;
} signature;

#define AT(offset, bytes, kind)                \
    {                                          \
        offset, sizeof(bytes) - 1, bytes, kind \
    }

static const signature signatures[] = {
    AT(0, "version https://git-lfs.github.com/spec/", "a Git LFS pointer: the file itself was not fetched (git lfs pull does)"),
    AT(0, "\xFF\xD8\xFF", "a JPEG picture"),
    AT(0, "\x89PNG\r\n\x1a\n", "a PNG picture"),
    AT(8, "WEBP", "a WebP picture"),
    AT(0, "GIF8", "a GIF picture"),
    AT(0, "II*\0", "a TIFF picture"),
    AT(0, "MM\0*", "a TIFF picture"),
    AT(4, "ftypavif", "an AVIF picture"),
    AT(4, "ftyphe", "a HEIC picture"),
    AT(4, "ftypmif1", "a HEIC picture"),
    AT(0, "\0\0\0\x0CjP  ", "a JPEG 2000 picture"),
    AT(0, "\xFF\x4F\xFF\x51", "a JPEG 2000 picture"),
    AT(0, "\0\0\0\x0CJXL ", "a JPEG XL picture"),
    AT(0, "\xFF\x0A", "a JPEG XL picture"),
    AT(0, "8BPS", "a Photoshop picture"),
    AT(0, "BM", "a BMP picture"),
    AT(0, "P5", "a PGM picture"),
    AT(0, "P6", "a PPM picture"),
    AT(0, "%PDF", "a PDF document"),
    AT(0, "\x1F\x8B", "packed by gzip: unpack it first"),
    AT(0,
       "\xFD"
       "7zXZ",
       "packed by xz: unpack it first"),
    AT(0, "BZh", "packed by bzip2: unpack it first"),
    AT(0, "\x28\xB5\x2F\xFD", "packed by zstd: unpack it first"),
    AT(0, "PK\x03\x04", "a zip archive"),
    AT(257, "ustar", "a tar archive"),
    AT(0, "\x93NUMPY", "a NumPy array"),
    AT(0, "\x89HDF", "an HDF5 file"),
};

/* Text begins behind white space, in any case. */
static const signature texts[] = {
    AT(0, "<!doctype html", "an HTML page, not the file that it was to link to"),
    AT(0, "<html", "an HTML page, not the file that it was to link to"),
    AT(0, "<svg", "an SVG picture"),
    AT(0, "<?xml", "an XML document"),
};

const char *wn__file_kind(const void *bytes, size_t size)
{
    const char *text = bytes;
    if (size == 0) return "an empty file";
    for (size_t i = 0; i < sizeof signatures / sizeof *signatures; i++) {
        const signature *s = &signatures[i];
        if (size >= s->offset + s->length && memcmp(text + s->offset, s->bytes, s->length) == 0) return s->kind;
    }
    for (; size > 0 && wn__is_space(*text); text++)
        size--;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        if (size >= texts[i].length && strncasecmp(text, texts[i].bytes, texts[i].length) == 0) return texts[i].kind;
    return NULL;
}
