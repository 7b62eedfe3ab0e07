#include "io/libraries.h"

#include <jansson.h>
#include <lzma.h>
#include <openssl/crypto.h>
#include <stddef.h>
#include <yaml.h>
#include <zlib.h>

#ifdef WN_HAVE_CURL
#include <curl/curl.h>
#endif
#ifdef WN_HAVE_ZIP
#include <zip.h>
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
    default: return (wn__library){NULL, NULL};
    }
}
