#include "io/fetch.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/log.h"
#include "base/text.h"
#include "io/digest.h"

/* One download under way. */
typedef struct fetch_state {
    const wn__fetch_request *request;
    const char *part;
    FILE *file;
    int64_t begin, done; /* bytes that were there already; bytes now */
    wn_status failure;   /* found in a callback: its message is set */
} fetch_state;

static bool keep_going(fetch_state *s, int64_t total)
{
    if (wn_stop_requested()) {
        s->failure = wn__fail(WN_ESTOPPED, "%s: download stopped after %" PRId64 " bytes", s->request->url, s->done);
        return false;
    }
    if (s->request->progress) s->request->progress(s->request->user, s->request->url, s->done, total);
    return true;
}

static bool store(fetch_state *s, const void *data, size_t size)
{
    const int64_t limit = s->request->limit;
    if (limit > 0 && (int64_t)size > limit - s->done) {
        s->failure = wn__fail(WN_EFORMAT, "%s: more than the expected %" PRId64 " bytes", s->request->url, limit);
        return false;
    }
    if (fwrite(data, 1, size, s->file) != size) {
        s->failure = wn__fail_errno("%s", s->part);
        return false;
    }
    s->done += (int64_t)size;
    return true;
}

static wn_status copy_file(fetch_state *s)
{
    FILE *from = fopen(s->request->url, "rbe");
    if (!from) return wn__fail_errno("%s", s->request->url);
    char buffer[1 << 16];
    size_t got = 0;
    bool fine = fseeko(from, s->begin, SEEK_SET) == 0;
    while (fine && (got = fread(buffer, 1, sizeof(buffer), from)) > 0)
        fine = store(s, buffer, got) && keep_going(s, 0);
    wn_status status = s->failure;
    if (status == WN_OK && (!fine || ferror(from))) status = wn__fail_errno("%s", s->request->url);
    fclose(from);
    return status;
}

#ifdef WN_HAVE_CURL
#include <curl/curl.h>
#include <pthread.h>

static void start_curl(void) { curl_global_init(CURL_GLOBAL_DEFAULT); }

static size_t on_data(char *data, size_t one, size_t size, void *user) { return store(user, data, one * size) ? one * size : 0; }

static int on_progress(void *user, curl_off_t total, curl_off_t now, curl_off_t up_total, curl_off_t up_now)
{
    (void)now, (void)up_total, (void)up_now;
    fetch_state *s = user;
    return keep_going(s, total ? s->begin + total : 0) ? 0 : 1;
}

static void set_options(CURL *curl, fetch_state *s, char *error)
{
    curl_easy_setopt(curl, CURLOPT_URL, s->request->url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "http,https,file");
    curl_easy_setopt(curl, CURLOPT_REDIR_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(curl, CURLOPT_FOLLOWLOCATION, 1L);
    curl_easy_setopt(curl, CURLOPT_MAXREDIRS, 10L);
    curl_easy_setopt(curl, CURLOPT_FAILONERROR, 1L);
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT, 30L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(curl, CURLOPT_LOW_SPEED_TIME, 60L);
    curl_easy_setopt(curl, CURLOPT_USERAGENT, "winnow/" WN_VERSION);
    curl_easy_setopt(curl, CURLOPT_RESUME_FROM_LARGE, (curl_off_t)s->begin);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_data);
    curl_easy_setopt(curl, CURLOPT_WRITEDATA, s);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, s);
}

static wn_status download(fetch_state *s, bool *cannot_resume)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT; /* libcurl wants its global start exactly once */
    pthread_once(&once, start_curl);
    CURL *curl = curl_easy_init();
    if (!curl) return wn__fail(WN_ENOMEM, "libcurl does not start");
    char error[CURL_ERROR_SIZE] = "";
    set_options(curl, s, error);
    const CURLcode code = curl_easy_perform(curl);
    long answer = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer);
    curl_easy_cleanup(curl);
    *cannot_resume = s->begin > 0 && (code == CURLE_RANGE_ERROR || code == CURLE_BAD_DOWNLOAD_RESUME || answer == 416);
    if (s->failure != WN_OK || code == CURLE_OK) return s->failure;
    return wn__fail(WN_ENETWORK, "%s: %s", s->request->url, *error ? error : curl_easy_strerror(code));
}

bool wn__fetch_available(void) { return true; }
#else
static wn_status download(fetch_state *s, bool *cannot_resume)
{
    *cannot_resume = false;
    return wn__fail(WN_EUNSUPPORTED, "%s: this build has no libcurl; download it by other means and give the folder", s->request->url);
}

bool wn__fetch_available(void) { return false; }
#endif

static wn_status close_part(fetch_state *s, wn_status status)
{
    const bool stored = fflush(s->file) == 0 && fsync(fileno(s->file)) == 0;
    if (!stored && status == WN_OK) status = wn__fail_errno("%s", s->part);
    if (fclose(s->file) != 0 && status == WN_OK) status = wn__fail_errno("%s", s->part);
    return status;
}

/* Fetches what is missing in the part file. *again: starting over may help. */
static wn_status transfer(const wn__fetch_request *r, const char *part, bool *again)
{
    fetch_state s = {.request = r, .part = part};
    if (wn__file_exists(part)) WN_TRY(wn__file_size(part, &s.begin));
    s.done = s.begin;
    s.file = fopen(part, "abe");
    if (!s.file) return wn__fail_errno("%s", part);
    if (s.begin > 0) wn__log(WN_LOG_INFO, "%s: resuming at byte %" PRId64, r->url, s.begin);
    const wn_status moved = strstr(r->url, "://") ? download(&s, again) : copy_file(&s);
    return close_part(&s, moved);
}

static wn_status check_sum(const wn__fetch_request *r, const char *part)
{
    char found[WN__SHA256_TEXT];
    if (!r->sha256) return WN_OK;
    WN_TRY(wn__sha256_file(part, found));
    if (strcasecmp(found, r->sha256) == 0) return WN_OK;
    return wn__fail(WN_EFORMAT, "%s: wrong checksum: SHA-256 is %s, expected %s", r->url, found, r->sha256);
}

static wn_status fetch_part(const wn__fetch_request *r, const char *part)
{
    const bool resumed = wn__file_exists(part);
    bool again = false;
    wn_status status = transfer(r, part, &again);
    if (status == WN_OK) status = check_sum(r, part);
    if (status == WN_EFORMAT) unlink(part);
    if (!resumed || (!again && status != WN_EFORMAT)) return status;

    wn__log(WN_LOG_WARNING, "%s: cannot be resumed, starting over", r->url);
    unlink(part);
    WN_TRY(transfer(r, part, &again));
    status = check_sum(r, part);
    if (status != WN_OK) unlink(part);
    return status;
}

wn_status wn__fetch(const wn__fetch_request *r)
{
    wn__text part = {0};
    wn__text_add(&part, "%s.part", r->path);
    if (part.failed) return wn__no_memory(strlen(r->path));
    wn_status status = fetch_part(r, part.data);
    if (status == WN_OK && rename(part.data, r->path) != 0) status = wn__fail_errno("%s", r->path);
    wn__text_release(&part);
    return status;
}
