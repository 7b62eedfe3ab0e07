/* Sources that a program registers: what is refused, what is read, and threads that come and go. */
#include <pthread.h>
#include <stdatomic.h>

#include "base/alloc.h"
#include "data/catalog.h"
#include "data/loader.h"
#include "test.h"
#include "winnow/data.h"
#include "winnow/experiment.h"
#include "winnow/source.h"

enum { TRAIN = 40, TESTED = 10, STEPS = 4 };

/* ---- a source whose samples are a rule, and whose faults are set */

typedef struct rule {
    int fault, label; /* what reading test sample 3 returns; a class in its place, or -1 */
    const char *text;
    _Atomic int reads, inside, most, seeks;
    int64_t at[2]; /* of a stream */
} rule;

static int read_rule(void *user, const wn_source_sample *s)
{
    rule *r = user;
    const bool third = s->part == WN_SOURCE_TEST && s->index == 3;
    const int now = ++r->inside;
    for (int most = r->most; now > most && !atomic_compare_exchange_weak(&r->most, &most, now);) {
    }
    uint8_t *pixels = s->input;
    r->reads++;
    for (int i = 0; pixels && i < 6; i++)
        pixels[i] = (uint8_t)(s->part * 100 + s->index * 2 + i);
    *(int32_t *)s->target = third && r->label >= 0 ? r->label : (int32_t)(s->index % 4);
    if (third && r->fault && r->text) snprintf(s->message, s->message_size, "%s", r->text);
    r->inside--;
    return third ? r->fault : 0;
}

static int seek_rule(void *user, const wn_source_sample *s)
{
    rule *r = user;
    CHECK(s->input == NULL && s->target == NULL);
    r->seeks++;
    r->at[s->part] = s->index;
    return r->fault && s->part == WN_SOURCE_TEST ? r->fault : 0;
}

static int read_on(void *user, const wn_source_sample *s)
{
    rule *r = user;
    CHECK_EQ_INT(r->at[s->part]++, s->index);
    return read_rule(user, s);
}

static wn_source source_of(const char *name, rule *r)
{
    *r = (rule){.label = -1};
    return (wn_source){.size = sizeof(wn_source),
                       .name = name,
                       .version = "1",
                       .channels = 1,
                       .height = 2,
                       .width = 3,
                       .outputs = 4,
                       .train_count = TRAIN,
                       .test_count = TESTED,
                       .read = read_rule,
                       .user = r};
}

static wn__dataset load(const char *name)
{
    const wn__dataset_type *type;
    wn__dataset data;
    CHECK_OK(wn__dataset_find(name, &type));
    CHECK_OK(wn__dataset_load(type, NULL, NULL, NULL, false, &data));
    return data;
}

/* ---- registering */

static void check_refused(wn_source s, const char *text)
{
    CHECK_STATUS(wn_source_register(&s), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), text);
}

#define REFUSED(text, ...)                   \
    do {                                     \
        wn_source s = source_of("mine", &r); \
        __VA_ARGS__;                         \
        check_refused(s, text);              \
    } while (0)

TEST(what_cannot_be_is_refused)
{
    rule r;
    float std = 0;
    const char *names[4] = {"a", "b", NULL, "d"};
    REFUSED("wn_source.size", s.size = 0);
    REFUSED("a name has 1 to 60 letters", s.name = NULL);
    REFUSED("source \"\"", s.name = "");
    REFUSED("source \"a b\"", s.name = "a b");
    REFUSED("source \"a\nb\"", s.name = "a\nb");
    REFUSED("a version is one line", s.version = "");
    REFUSED("a version is one line", s.version = "1\n2");
    REFUSED("source cifar10: there is a data set of this name", s.name = "cifar10");
    REFUSED("read is NULL", s.read = NULL);
    REFUSED("0 test samples", s.test_count = 0);
    REFUSED("-1 training", s.train_count = -1);
    REFUSED("pixels of 2 channels", s.channels = 2);
    REFUSED("inputs of 1x0x3", s.height = 0);
    REFUSED("targets of kind class of 1", s.outputs = 1);
    REFUSED("input 7", s.input = (wn_input_kind)7);
    REFUSED("std of channel 0 is 0", s.std = &std);
    REFUSED("the name of class 2 is NULL", s.class_names = names);
    CHECK_STATUS(wn_source_register(NULL), WN_EINVAL);
    CHECK_STATUS(wn_source_unregister("mine"), WN_ENOTFOUND);
    CHECK_STATUS(wn_source_unregister(NULL), WN_EINVAL);
}

TEST(a_name_is_taken_until_it_is_given_back)
{
    rule r, q;
    const wn_source a = source_of("mine", &r), b = source_of("mine", &q);
    CHECK_OK(wn_source_register(&a));
    CHECK_STATUS(wn_source_register(&b), WN_EINVAL);
    CHECK_EQ_TEXT(wn_error_message(), "source mine: is registered already");
    const wn__dataset_type *held = wn__dataset_hold("mine");
    CHECK(held != NULL);
    CHECK_STATUS(wn_source_unregister("mine"), WN_EBUSY);
    wn__dataset_drop(held);
    CHECK_OK(wn_source_unregister("mine"));
    CHECK(wn__dataset_hold("mine") == NULL);
    CHECK_OK(wn_source_register(&b));
    CHECK_OK(wn_source_unregister("mine"));
}

TEST(registered_sources_are_listed_behind_the_others)
{
    rule r;
    static const char *const names[] = {"n", "e", "s", "w"};
    wn_source s = source_of("mine", &r);
    char copy[] = "mine";
    wn_dataset_info info;
    const int before = wn_dataset_count();
    s.class_names = names;
    s.summary = "made here";
    s.name = copy;
    CHECK_OK(wn_source_register(&s));
    copy[0] = 'X'; /* texts are copied */
    CHECK_EQ_INT(wn_dataset_count(), before + 1);
    CHECK_OK(wn_dataset_get_info(before, &info));
    CHECK_EQ_TEXT(info.name, "mine");
    CHECK_EQ_TEXT(info.summary, "made here");
    CHECK_EQ_TEXT(info.class_names[3], "w");
    CHECK(info.input == WN_INPUT_PIXELS && info.target == WN_TARGET_CLASS && info.width == 3 && info.classes == 4);
    CHECK(info.train_count == TRAIN && info.test_count == TESTED && info.embedded);
    CHECK_OK(wn_data_verify("mine", NULL, NULL, NULL));
    CHECK_OK(wn_data_get("mine", NULL, NULL, NULL, NULL));
    CHECK_OK(wn_source_unregister("mine"));
    CHECK_EQ_INT(wn_dataset_count(), before);
}

/* ---- keys */

static const char *key_of(wn_source s)
{
    static char keys[8][WN__SHA256_TEXT];
    static int next;
    char *key = keys[next++ % 8];
    CHECK_OK(wn_source_register(&s));
    const wn__dataset_type *type;
    CHECK_OK(wn__dataset_find(s.name, &type));
    snprintf(key, WN__SHA256_TEXT, "%s", type->facts.contents_key);
    CHECK_OK(wn_source_unregister(s.name));
    CHECK_EQ_INT(strlen(key), 64);
    return key;
}

TEST(keys_change_with_what_samples_are_made_of)
{
    rule r;
    static const float mean = 0.5f;
    wn_source s = source_of("mine", &r);
    const char *key = key_of(s);
    CHECK_EQ_TEXT(key_of(s), key);
    s.summary = "other words";
    CHECK_EQ_TEXT(key_of(s), key);
    s.version = "2";
    CHECK(strcmp(key_of(s), key) != 0);
    s.version = "1";
    s.train_count++;
    CHECK(strcmp(key_of(s), key) != 0);
    s.train_count--;
    s.mean = &mean;
    CHECK(strcmp(key_of(s), key) != 0);
    s.mean = NULL;
    s.version = NULL;
    const char *once = key_of(s);
    CHECK(strcmp(key_of(s), once) != 0);
}

/* ---- reading */

static void check_all(const wn__dataset *data, wn__loader_options o, rule *r)
{
    wn__loader *l;
    const wn__batch *b;
    CHECK_OK(wn__split_make(&data->facts, "last-8", 0, &o.split));
    CHECK_OK(wn__normalize_find("none", data, &o.normalize));
    o.data = data;
    o.batch = 8;
    CHECK_OK(wn__loader_new(&o, &l));
    for (int k = 0; k < 3 * STEPS; k++) {
        CHECK_OK(wn__loader_next(l, &b));
        for (int64_t i = 0; i < b->n; i++) {
            CHECK_EQ_INT(b->targets.classes[i], b->samples[i] % 4);
            for (int p = 0; p < 6; p++)
                CHECK(b->input[i * 6 + p] == (float)(b->samples[i] * 2 + p) / 255.0f);
        }
    }
    wn__loader_free(l);
    CHECK(r->reads >= 3 * STEPS * 8);
}

TEST(samples_are_read_by_index_from_several_threads)
{
    rule r;
    const wn_source s = source_of("mine", &r);
    CHECK_OK(wn_source_register(&s));
    wn__dataset data = load("mine");
    check_all(&data, (wn__loader_options){.order = WN__SAMPLES_SHUFFLED, .threads = 3}, &r);
    wn__dataset_release(&data);
    CHECK_OK(wn_source_unregister("mine"));
}

/* One epoch's samples in a row: a seek before each. */
TEST(a_stream_is_read_on_by_one_thread)
{
    rule r;
    wn_source s = source_of("mine", &r);
    s.read = read_on;
    s.seek = seek_rule;
    CHECK_OK(wn_source_register(&s));
    wn__dataset data = load("mine");
    check_all(&data, (wn__loader_options){.order = WN__SAMPLES_SHUFFLED, .threads = 3}, &r);
    CHECK(r.most == 1 && (r.seeks == 3 || r.seeks == 4)); /* one epoch may have been begun ahead */
    wn__dataset_release(&data);
    CHECK_OK(wn_source_unregister("mine"));
}

static void check_fault(const char *name, rule *r, int fault, const char *text, wn_status want, const char *message)
{
    wn__dataset data = load(name);
    wn__scratch scratch = {0};
    wn__sample_input input;
    int32_t target[4] = {0}; /* what the source leaves as it is */
    r->fault = fault;
    r->text = text;
    CHECK_STATUS(wn__source_read(data.source, name, WN__PART_TEST, 3, &scratch, &input, target), want);
    CHECK_EQ_TEXT(wn_error_message(), message);
    wn__scratch_release(&scratch);
    wn__dataset_release(&data);
}

TEST(what_goes_wrong_comes_back_with_its_code_and_text)
{
    rule r;
    wn_source s = source_of("mine", &r);
    CHECK_OK(wn_source_register(&s));
    check_fault("mine", &r, WN_ENETWORK, "server is down", WN_ENETWORK, "mine: reading test sample 3: server is down (code -11)");
    check_fault("mine", &r, 42, NULL, WN_EIO, "mine: reading test sample 3: no message (code 42)");
    r.label = 4;
    check_fault("mine", &r, 0, NULL, WN_EFORMAT, "mine: test sample 3 has class 4, must be 0 to 3");
    CHECK_OK(wn_source_unregister("mine"));
    s = source_of("mine", &r);
    s.seek = seek_rule;
    CHECK_OK(wn_source_register(&s));
    check_fault("mine", &r, 7, NULL, WN_EIO, "mine: seeking test sample 3: no message (code 7)");
    CHECK_OK(wn_source_unregister("mine"));
}

TEST(targets_out_of_range_are_refused)
{
    rule r;
    wn_source s = source_of("mine", &r);
    s.target = WN_TARGET_CLASSES;
    CHECK_OK(wn_source_register(&s));
    r.label = 0x40000000; /* the bits of 2.0f */
    check_fault("mine", &r, 0, NULL, WN_EFORMAT, "mine: test sample 3 has 2 as number 0, must be 0 to 1");
    CHECK_OK(wn_source_unregister("mine"));
    s.target = WN_TARGET_VALUES;
    CHECK_OK(wn_source_register(&s));
    r.label = 0x7f800000; /* infinity */
    check_fault("mine", &r, 0, NULL, WN_EFORMAT, "mine: test sample 3 has inf as number 0, must be finite");
    CHECK_OK(wn_source_unregister("mine"));
    s.target = WN_TARGET_DISTRIBUTION;
    CHECK_OK(wn_source_register(&s));
    r.label = 0x3f000000; /* 0.5 and zeros */
    check_fault("mine", &r, 0, NULL, WN_EFORMAT, "mine: test sample 3 has probabilities that add up to 0.5, must be 1");
    CHECK_OK(wn_source_unregister("mine"));
}

/* ---- memory and threads */

TEST(registering_without_memory_leaves_nothing)
{
    rule r;
    const wn_source s = source_of("mine", &r);
    const int64_t before = wn__alloc_statistics().bytes;
    int failures = 0;
    for (;; failures++) {
        wn__alloc_fail_at(failures + 1);
        const wn_status status = wn_source_register(&s);
        wn__alloc_fail_at(0);
        if (status == WN_OK) break;
        CHECK_EQ_INT(status, WN_ENOMEM);
        CHECK_EQ_INT(wn__alloc_statistics().bytes, before);
    }
    CHECK(failures > 3);
    CHECK_OK(wn_source_unregister("mine"));
    CHECK_EQ_INT(wn__alloc_statistics().bytes, before);
}

static void *come_and_go(void *name)
{
    for (int i = 0; i < 50; i++) {
        rule r;
        wn_source s = source_of(name, &r);
        CHECK_OK(wn_source_register(&s));
        wn__dataset data = load(name);
        check_all(&data, (wn__loader_options){.threads = 1}, &r);
        wn__dataset_release(&data);
        CHECK_OK(wn_source_unregister(name));
    }
    return NULL;
}

TEST(threads_register_sources_of_their_own)
{
    pthread_t threads[3];
    static char names[3][8] = {"one", "two", "three"};
    for (int i = 0; i < 3; i++)
        CHECK(pthread_create(&threads[i], NULL, come_and_go, names[i]) == 0);
    for (int i = 0; i < 3; i++)
        pthread_join(threads[i], NULL);
    CHECK(wn__dataset_hold("two") == NULL);
}

typedef struct watch {
    atomic_bool done;
    int seen;
} watch;

/* All that goes through the list by itself. */
static void *look_on(void *arg)
{
    watch *w = arg;
    while (!atomic_load(&w->done)) {
        const wn__dataset_type *type;
        wn_dataset_info info;
        wn_list_entry entry;
        wn_setting_info setting;
        w->seen = wn_dataset_count();
        if (wn_dataset_get_info(w->seen - 1, &info) == WN_OK) CHECK(info.train_count >= 0);
        if (wn_list_get(WN_LIST_DATASETS, wn_list_count(WN_LIST_DATASETS) - 1, &entry) != WN_OK) w->seen = 0;
        if (wn_list_setting(WN_LIST_DATASETS, w->seen - 1, 0, &setting) == WN_OK) CHECK(setting.name);
        wn__datasets_enter();
        CHECK_STATUS(wn__dataset_find("nothing", &type), WN_EUSAGE); /* which lists all names */
        wn__datasets_leave();
    }
    return NULL;
}

TEST(sources_come_and_go_while_others_list_them)
{
    pthread_t coming, looking[2];
    static watch w[2];
    const int64_t before = wn__alloc_statistics().bytes;
    for (int i = 0; i < 2; i++)
        CHECK(pthread_create(&looking[i], NULL, look_on, &w[i]) == 0);
    CHECK(pthread_create(&coming, NULL, come_and_go, "guest") == 0);
    pthread_join(coming, NULL);
    for (int i = 0; i < 2; i++) {
        atomic_store(&w[i].done, true);
        pthread_join(looking[i], NULL);
    }
    CHECK_EQ_INT(wn__alloc_statistics().bytes, before);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(what_cannot_be_is_refused),
                                    RUN(a_name_is_taken_until_it_is_given_back),
                                    RUN(registered_sources_are_listed_behind_the_others),
                                    RUN(keys_change_with_what_samples_are_made_of),
                                    RUN(samples_are_read_by_index_from_several_threads),
                                    RUN(a_stream_is_read_on_by_one_thread),
                                    RUN(what_goes_wrong_comes_back_with_its_code_and_text),
                                    RUN(targets_out_of_range_are_refused),
                                    RUN(registering_without_memory_leaves_nothing),
                                    RUN(threads_register_sources_of_their_own),
                                    RUN(sources_come_and_go_while_others_list_them),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
