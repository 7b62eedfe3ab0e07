/* Downloads: http, https and file addresses (through libcurl) and plain paths (copied by ourselves, in every build); resumed, checked, and
 * put in place only when complete. */
#ifndef WN_IO_FETCH_H
#define WN_IO_FETCH_H

#include "winnow/core.h"

typedef struct wn__fetch_request {
    const char *url;    /* without "://" it is a path */
    const char *path;   /* target; PATH.part holds what has arrived so far and is resumed by the next try */
    const char *sha256; /* hexadecimal, or NULL: not checked */
    int64_t limit;      /* most bytes accepted; 0 = any */
    void (*progress)(void *user, const char *url, int64_t done, int64_t total); /* total 0 = not known; may be NULL */
    void *user;
} wn__fetch_request;

/* WN_ENETWORK: address, and what the server or network said; PATH.part stays for the next try. WN_EFORMAT: a wrong checksum (both are
 * printed) or more than `limit` bytes; PATH.part is removed. A resumed file with a wrong checksum, or a server that cannot resume, is
 * fetched once more from the start. WN_ESTOPPED on wn_request_stop. WN_EUNSUPPORTED: an address in a build without libcurl. */
wn_status wn__fetch(const wn__fetch_request *request);
bool wn__fetch_available(void); /* built with libcurl */

#endif
