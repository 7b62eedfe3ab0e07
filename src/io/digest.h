/* SHA-256 as lower-case hexadecimal text (through libcrypto). */
#ifndef WN_IO_DIGEST_H
#define WN_IO_DIGEST_H

#include "winnow/core.h"

#define WN__SHA256_TEXT 65

wn_status wn__sha256(const void *data, size_t size, char text[WN__SHA256_TEXT]);
/* The same digest in base64, as the security policies of pages have it. */
#define WN__SHA256_BASE64 45
wn_status wn__sha256_base64(const void *data, size_t size, char text[WN__SHA256_BASE64]);
wn_status wn__sha256_file(const char *path, char text[WN__SHA256_TEXT]);

/* Digest over pieces, for identities made of many parts. Free with wn__sha256_finish (text may be NULL to drop it). */
typedef struct wn__sha256_state wn__sha256_state;
wn_status wn__sha256_new(wn__sha256_state **out);
wn_status wn__sha256_add(wn__sha256_state *s, const void *data, size_t size);
wn_status wn__sha256_finish(wn__sha256_state *s, char text[WN__SHA256_TEXT]);

#endif
