#include "io/libraries.h"

#include <jansson.h>
#include <lzma.h>
#include <openssl/crypto.h>
#include <stddef.h>
#include <stdio.h>
#include <yaml.h>
#include <zlib.h>

#ifdef WN_HAVE_CURL
#include <curl/curl.h>
#endif
#ifdef WN_HAVE_JPEG
#include <jpeglib.h>
#endif
#ifdef WN_HAVE_ONNX
#include <protobuf-c/protobuf-c.h>
#endif
#ifdef WN_HAVE_PNG
#include <png.h>
#endif
#ifdef WN_HAVE_WEBP
#include <webp/decode.h>
#endif
#ifdef WN_HAVE_ZIP
#include <zip.h>
#endif

#ifdef WN_HAVE_JPEG
#define TEXT_OF(macro) TEXT(macro)
#define TEXT(name) #name
#ifdef LIBJPEG_TURBO_VERSION
#define JPEG_VERSION TEXT_OF(LIBJPEG_TURBO_VERSION)
#else
#define JPEG_VERSION TEXT_OF(JPEG_LIB_VERSION)
#endif
#endif

#ifdef WN_HAVE_WEBP
/* "1.2.4" of 0x010204 */
static const char *webp_version(void)
{
    static _Thread_local char text[16];
    const int version = WebPGetDecoderVersion();
    snprintf(text, sizeof text, "%d.%d.%d", version >> 16, version >> 8 & 255, version & 255);
    return text;
}
#endif

wn__library wn__library_get(int index)
{
    switch (index) {
    case 0: return (wn__library){"libyaml", yaml_get_version_string()};
    case 1: return (wn__library){"jansson", jansson_version_str()};
    case 2: return (wn__library){"zlib", zlibVersion()};
    case 3: return (wn__library){"liblzma", lzma_version_string()};
    case 4: return (wn__library){"libcrypto", OpenSSL_version(OPENSSL_VERSION)};
#ifdef WN_HAVE_CURL
    case 5: return (wn__library){"libcurl", curl_version()};
#else
    case 5: return (wn__library){"libcurl", NULL};
#endif
#ifdef WN_HAVE_ZIP
    case 6: return (wn__library){"libzip", zip_libzip_version()};
#else
    case 6: return (wn__library){"libzip", NULL};
#endif
#ifdef WN_HAVE_JPEG
    case 7: return (wn__library){"libjpeg-turbo", JPEG_VERSION}; /* of its header: the library does not tell */
#else
    case 7: return (wn__library){"libjpeg-turbo", NULL};
#endif
#ifdef WN_HAVE_PNG
    case 8: return (wn__library){"libpng", png_get_libpng_ver(NULL)};
#else
    case 8: return (wn__library){"libpng", NULL};
#endif
#ifdef WN_HAVE_WEBP
    case 9: return (wn__library){"libwebp", webp_version()};
#else
    case 9: return (wn__library){"libwebp", NULL};
#endif
#ifdef WN_HAVE_ONNX
    case 10: return (wn__library){"protobuf-c", protobuf_c_version()};
#else
    case 10: return (wn__library){"protobuf-c", NULL};
#endif
#ifdef WN_CHARTS_VERSION
    case 11: return (wn__library){"Chart.js", WN_CHARTS_VERSION};
#else
    case 11: return (wn__library){"Chart.js", NULL};
#endif
    default: return (wn__library){NULL, NULL};
    }
}
