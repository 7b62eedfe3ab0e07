#include "io/digest.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

struct wn__sha256_state {
    EVP_MD_CTX *context;
};

static wn_status refused(void) { return wn__fail(WN_EUNSUPPORTED, "libcrypto refuses SHA-256"); }

wn_status wn__sha256_new(wn__sha256_state **out)
{
    wn__sha256_state *s = WN_NEW(wn__sha256_state);
    if (!s) return wn__no_memory(sizeof(*s));
    s->context = EVP_MD_CTX_new();
    if (!s->context || EVP_DigestInit_ex(s->context, EVP_sha256(), NULL) != 1) {
        EVP_MD_CTX_free(s->context);
        wn__free(s);
        return refused();
    }
    *out = s;
    return WN_OK;
}

wn_status wn__sha256_add(wn__sha256_state *s, const void *data, size_t size)
{
    return EVP_DigestUpdate(s->context, data, size) == 1 ? WN_OK : refused();
}

wn_status wn__sha256_finish(wn__sha256_state *s, char text[WN__SHA256_TEXT])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    const bool fine = EVP_DigestFinal_ex(s->context, digest, NULL) == 1;
    EVP_MD_CTX_free(s->context);
    wn__free(s);
    if (!fine) return refused();
    for (int i = 0; text && i < 32; i++)
        snprintf(text + 2 * i, 3, "%02x", digest[i]);
    return WN_OK;
}

wn_status wn__sha256(const void *data, size_t size, char text[WN__SHA256_TEXT])
{
    wn__sha256_state *s;
    WN_TRY(wn__sha256_new(&s));
    const wn_status added = wn__sha256_add(s, data, size), finished = wn__sha256_finish(s, text);
    return added != WN_OK ? added : finished;
}

wn_status wn__sha256_base64(const void *data, size_t size, char text[WN__SHA256_BASE64])
{
    unsigned char digest[EVP_MAX_MD_SIZE];
    if (EVP_Digest(data, size, digest, NULL, EVP_sha256(), NULL) != 1) return refused();
    EVP_EncodeBlock((unsigned char *)text, digest, 32);
    return WN_OK;
}

wn_status wn__sha256_file(const char *path, char text[WN__SHA256_TEXT])
{
    FILE *file = fopen(path, "rb");
    if (!file) return wn__fail_errno("%s", path);
    wn__sha256_state *s = NULL;
    wn_status status = wn__sha256_new(&s);
    char buffer[1 << 16];
    size_t got;
    while (status == WN_OK && (got = fread(buffer, 1, sizeof(buffer), file)) > 0)
        status = wn__sha256_add(s, buffer, got);
    if (status == WN_OK && ferror(file)) status = wn__fail_errno("%s", path);
    fclose(file);
    if (!s) return status;
    const wn_status finished = wn__sha256_finish(s, text);
    return status != WN_OK ? status : finished;
}
