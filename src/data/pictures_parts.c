/* What a table of pictures comes to: its parts, its key, what is told of it. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/log.h"
#include "data/pictures.h"
#include "data/stratify.h"

/* ---- parts */

static wn_status order_of(const wn__pictures *p, int64_t n, int64_t *order)
{
    wn__stratum *s = WN_NEW_ARRAY(wn__stratum, n);
    if (!s) return wn__no_memory((size_t)n * sizeof *s);
    for (int64_t i = 0; i < n; i++)
        s[i] = (wn__stratum){wn__name_hash(wn__picture_name(p, &p->item[i])), p->several ? 0 : p->item[i].label};
    const wn_status status = wn__stratified_order(n, s, order);
    wn__free(s);
    return status;
}

/* The pictures that order begins with become the test part, behind the others; all stay in their order. */
static wn_status move_to_test(wn__pictures *p, const int64_t *order, int64_t tested)
{
    const int64_t n = p->count[WN__PART_TRAIN];
    bool *is_test = WN_NEW_ARRAY(bool, n);
    wn__picture *item = WN_NEW_ARRAY(wn__picture, n);
    int64_t train = 0, test = n - tested;
    if (is_test && item) {
        for (int64_t i = 0; i < tested; i++)
            is_test[order[i]] = true;
        for (int64_t i = 0; i < n; i++)
            item[is_test[i] ? test++ : train++] = p->item[i];
        memcpy(p->item, item, (size_t)n * sizeof *item);
        p->count[WN__PART_TRAIN] = train;
        p->count[WN__PART_TEST] = tested;
    }
    const bool failed = !is_test || !item;
    wn__free(is_test);
    wn__free(item);
    return failed ? wn__no_memory((size_t)n * sizeof *item) : WN_OK;
}

static wn_status cut_test(wn__pictures *p)
{
    const int64_t n = p->count[WN__PART_TRAIN];
    int64_t tested;
    if (p->count[WN__PART_TEST] > 0) return WN_OK;
    if (!wn__share_of(p->test_share, n, &tested) || tested < 1 || tested >= n)
        return wn__fail(WN_EUSAGE,
                        "%s: has no test part; test_share: %s of %" PRId64 " pictures, must be 1 to %" PRId64
                        " of them, such as 10%% or 500",
                        p->root, p->test_share, n, n - 1);
    int64_t *order = WN_NEW_ARRAY(int64_t, n);
    if (!order) return wn__no_memory((size_t)n * sizeof *order);
    wn_status status = order_of(p, n, order);
    if (status == WN_OK) status = move_to_test(p, order, tested);
    wn__free(order);
    return status;
}

static int32_t label_of(const void *set, int64_t i) { return ((const wn__pictures *)set)->item[i].label; }

/* ---- what keys call all this: names, sizes and labels, never where the files lie */

static wn_status add_items(const wn__pictures *p, wn__sha256_state *s)
{
    const int64_t all = wn__pictures_total(p);
    for (int64_t i = 0; i < all; i++) {
        const char *name = wn__picture_name(p, &p->item[i]);
        char text[64];
        const int length = snprintf(text, sizeof text, "%" PRId64 " %" PRId32 "\n", p->item[i].size, p->item[i].label);
        WN_TRY(wn__sha256_add(s, name, strlen(name) + 1));
        WN_TRY(wn__sha256_add(s, text, (size_t)length));
    }
    if (p->several) return wn__sha256_add(s, p->labels, (size_t)p->label_count * sizeof *p->labels);
    return WN_OK;
}

static wn_status add_head(const wn__pictures *p, wn__sha256_state *s)
{
    char text[96];
    const int length =
        snprintf(text, sizeof text, "%" PRId64 " %" PRId64 " %" PRId64 " %d\n", p->count[0], p->count[1], p->count[2], p->classes);
    WN_TRY(wn__sha256_add(s, text, (size_t)length));
    for (int k = 0; k < p->classes; k++)
        WN_TRY(wn__sha256_add(s, p->class_name[k], strlen(p->class_name[k]) + 1));
    return WN_OK;
}

static wn_status make_key(const wn__pictures *p, char key[WN__SHA256_TEXT])
{
    wn__sha256_state *s;
    WN_TRY(wn__sha256_new(&s));
    wn_status status = add_head(p, s);
    if (status == WN_OK) status = add_items(p, s);
    if (status == WN_OK) return wn__sha256_finish(s, key);
    if (wn__sha256_finish(s, NULL) != WN_OK) wn__log(WN_LOG_DEBUG, "%s", wn_error_message());
    return status;
}

static wn_status check(const wn__pictures *p)
{
    if (p->config.channels == 2) return wn__fail(WN_EUSAGE, "channels: 2, must be 1 or 3");
    if (p->classes < (p->several ? 1 : 2))
        return wn__fail(WN_EUSAGE, "%s: pictures of %d class%s, must be at least %d", p->root, p->classes, p->classes == 1 ? "" : "es",
                        p->several ? 1 : 2);
    if (p->count[WN__PART_TRAIN] < 1) return wn__fail(WN_EUSAGE, "%s: no training pictures", p->root);
    return WN_OK;
}

wn_status wn__pictures_describe(wn__pictures *p, wn_status added, wn__data_facts *facts)
{
    facts->memory = p;
    facts->release = wn__pictures_release;
    WN_TRY(added);
    WN_TRY(check(p));
    if (p->config.broken == WN__BROKEN_SKIP) WN_TRY(wn__pictures_skip_broken(p));
    WN_TRY(cut_test(p));
    facts->sample = (wn__sample_spec){.input = WN_INPUT_PIXELS,
                                      .channels = (int)p->config.channels,
                                      .height = (int)p->config.size,
                                      .width = (int)p->config.size,
                                      .target = p->several ? WN_TARGET_CLASSES : WN_TARGET_CLASS,
                                      .classes = p->classes,
                                      .class_names = (const char *const *)p->class_name};
    facts->own_validation = p->count[WN__PART_VALIDATION];
    facts->train_count = p->count[WN__PART_TRAIN] + facts->own_validation;
    facts->test_count = p->count[WN__PART_TEST];
    facts->any_size = true;
    if (!p->several) WN_TRY(wn__stands_by_class(p->count[WN__PART_TRAIN], p->classes, label_of, p, &facts->by_class));
    return make_key(p, facts->contents_key);
}
