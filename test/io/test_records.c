#include <float.h>

#include "base/alloc.h"
#include "base/rng.h"
#include "io/events.h"
#include "io/json_file.h"
#include "io/jsonl.h"
#include "scratch_folder.h"
#include "train/run_files.h"

/* ---- numbers */

TEST(reals_are_short_and_read_back_equal)
{
    char text[WN__REAL_TEXT];
    CHECK_EQ_TEXT(wn__show_real(0.1, text), "0.1");
    CHECK_EQ_TEXT(wn__show_real(3, text), "3.0");
    CHECK_EQ_TEXT(wn__show_real(-0.0, text), "-0.0");
    CHECK_EQ_TEXT(wn__show_real(1e-7, text), "1e-07");
    CHECK_EQ_TEXT(wn__show_real(0.1 + 0.2, text), "0.30000000000000004");
    CHECK_EQ_TEXT(wn__show_real(NAN, text), "null");
    CHECK_EQ_TEXT(wn__show_real(-INFINITY, text), "null");
    CHECK_EQ_TEXT(wn__show_float(0.1f, text), "0.1");
    CHECK_EQ_TEXT(wn__show_float(16777216.0f, text), "16777216.0");
    wn__rng r = wn__rng_make(1, WN__FOR_TEST, 0, 0);
    for (int i = 0; i < 20000; i++) {
        const uint64_t bits = wn__rng_u64(&r);
        double value;
        float small;
        memcpy(&value, &bits, sizeof(value));
        memcpy(&small, &bits, sizeof(small));
        if (isfinite(value)) CHECK(strtod(wn__show_real(value, text), NULL) == value);
        if (isfinite(small)) CHECK(strtof(wn__show_float(small, text), NULL) == small);
    }
    CHECK(strtod(wn__show_real(DBL_TRUE_MIN, text), NULL) == DBL_TRUE_MIN);
    CHECK(strtod(wn__show_real(-DBL_MAX, text), NULL) == -DBL_MAX);
}

/* ---- JSON lines */

static void append_line(wn__append *file)
{
    wn__json_line l = {0};
    wn__json_line_text(&l, "split", "a\"\\\n\x01\xc3\xa9");
    wn__json_line_int(&l, "step", INT64_MIN);
    wn__json_line_real(&l, "loss", 0.25);
    wn__json_line_null(&l, "none");
    wn__json_line_text(&l, "missing", NULL);
    CHECK_OK(wn__json_line_append(&l, file));
}

static wn_status check_line(void *user, int64_t line, const json_t *object)
{
    CHECK_EQ_TEXT(json_string_value(json_object_get(object, "split")), "a\"\\\n\x01\xc3\xa9");
    CHECK_EQ_INT(json_integer_value(json_object_get(object, "step")), INT64_MIN);
    CHECK(json_real_value(json_object_get(object, "loss")) == 0.25);
    CHECK(json_is_null(json_object_get(object, "missing")));
    CHECK_EQ_INT(line, ++*(int *)user);
    return WN_OK;
}

TEST(json_lines_read_back)
{
    wn__append file;
    int lines = 0;
    CHECK_OK(wn__append_open(&file, scratch_path("m.jsonl"), 0));
    append_line(&file);
    append_line(&file);
    CHECK_OK(wn__append_close(&file));
    CHECK_OK(wn__jsonl_read(scratch_path("m.jsonl"), check_line, &lines));
    CHECK_EQ_INT(lines, 2);
    char *text;
    size_t size;
    CHECK_OK(wn__file_read(scratch_path("m.jsonl"), &text, &size));
    *strchr(text, '\n') = 0;
    CHECK_EQ_TEXT(text, "{\"split\":\"a\\\"\\\\\\u000a\\u0001\xc3\xa9\",\"step\":-9223372036854775808,\"loss\":0.25,"
                        "\"none\":null,\"missing\":null}");
    wn__free(text);
}

static wn_status refuse_line(void *user, int64_t line, const json_t *object)
{
    (void)user, (void)line, (void)object;
    return WN_ESTOPPED;
}

TEST(bad_json_lines_are_named)
{
    int lines = 0;
    const char *path = scratch_path("bad.jsonl");
    CHECK_OK(wn__file_write(path, "{}\n{\"a\":\n", 9));
    CHECK_STATUS(wn__jsonl_read(path, refuse_line, &lines), WN_ESTOPPED);
    CHECK_OK(wn__file_write(path, "[]\n", 3));
    CHECK_STATUS(wn__jsonl_read(path, check_line, &lines), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "bad.jsonl:1: ");
    CHECK_OK(wn__file_write(path, "", 0));
    CHECK_OK(wn__jsonl_read(path, check_line, &lines));
}

TEST(json_files_are_saved_and_loaded)
{
    json_t *root = json_pack("{s:i, s:[i,i], s:I}", "b", 1, "a", 2, 3, "big", (json_int_t)INT64_MAX), *back = NULL;
    const char *path = scratch_path("x.json");
    CHECK_OK(wn__json_save(path, root));
    CHECK_OK(wn__json_load(path, &back));
    CHECK(json_equal(root, back));
    json_decref(root);
    json_decref(back);
    CHECK_OK(wn__file_write(path, "{\"a\":1,\n\"a\":2}", 14));
    CHECK_STATUS(wn__json_load(path, &back), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "x.json:2:");
    CHECK_STATUS(wn__json_load(scratch_path("absent.json"), &back), WN_ENOTFOUND);
}

/* ---- TensorBoard events */

TEST(crc32c_has_the_known_answers)
{
    static const uint8_t zeros[32];
    CHECK_EQ_INT(wn__crc32c("123456789", 9), 0xE3069283);
    CHECK_EQ_INT(wn__crc32c(zeros, sizeof(zeros)), 0x8A9136AA); /* RFC 3720, B.4 */
    CHECK_EQ_INT(wn__crc32c("", 0), 0);
}

static uint32_t unmask(uint32_t masked)
{
    const uint32_t rotated = masked - 0xA282EAD8u;
    return rotated >> 17 | rotated << 15;
}

/* Walks the records, checking lengths and CRCs; returns how many. The payload of the last goes to `last`. */
static int count_records(const char *path, uint8_t *last, size_t *last_size)
{
    char *bytes;
    size_t size, at = 0;
    int records = 0;
    CHECK_OK(wn__file_read(path, &bytes, &size));
    while (at < size) {
        uint64_t length;
        uint32_t crc;
        memcpy(&length, bytes + at, 8);
        memcpy(&crc, bytes + at + 8, 4);
        CHECK_EQ_INT(unmask(crc), wn__crc32c(bytes + at, 8));
        CHECK(at + 16 + length <= size);
        memcpy(&crc, bytes + at + 12 + length, 4);
        CHECK_EQ_INT(unmask(crc), wn__crc32c(bytes + at + 12, length));
        *last_size = (size_t)length;
        memcpy(last, bytes + at + 12, length);
        at += 16 + length;
        records++;
    }
    wn__free(bytes);
    return records;
}

TEST(scalar_event_has_the_expected_bytes)
{
    wn__events e;
    uint8_t got[256];
    size_t size = 0;
    CHECK_OK(wn__events_open(&e, scratch_path("a.tfevents"), 0, 1.5));
    CHECK_OK(wn__events_scalar(&e, "loss", 300, 2.0, 0.5f));
    CHECK_OK(wn__events_close(&e));
    CHECK_EQ_INT(count_records(scratch_path("a.tfevents"), got, &size), 2);
    static const uint8_t want[] = {0x09, 0,    0,    0,   0,   0,   0,    0, 0x40,           /* wall_time 2.0 */
                                   0x10, 0xAC, 0x02,                                         /* step 300 */
                                   0x2A, 13,   0x0A, 11,                                     /* summary, value */
                                   0x0A, 4,    'l',  'o', 's', 's', 0x15, 0, 0,    0, 0x3F}; /* tag, simple_value */
    CHECK_EQ_INT(size, sizeof(want));
    CHECK(memcmp(got, want, size) == 0);
}

TEST(start_event_has_the_expected_bytes)
{
    wn__events e;
    uint8_t got[256];
    size_t size = 0;
    CHECK_OK(wn__events_open(&e, scratch_path("c.tfevents"), 0, 0));
    CHECK_OK(wn__events_start(&e, 300, 2.0));
    CHECK_OK(wn__events_close(&e));
    CHECK_EQ_INT(count_records(scratch_path("c.tfevents"), got, &size), 2);
    static const uint8_t want[] = {0x09, 0,    0,    0, 0, 0, 0, 0, 0x40, /* wall_time 2.0 */
                                   0x10, 0xAC, 0x02,                      /* step 300 */
                                   0x3A, 2,    0x08, 1};                  /* session_log: status START */
    CHECK_EQ_INT(size, sizeof(want));
    CHECK(memcmp(got, want, size) == 0);
}

static int64_t size_of(const char *name)
{
    int64_t size = -1;
    return wn__file_exists(scratch_path(name)) && wn__file_size(scratch_path(name), &size) == WN_OK ? size : -1;
}

TEST(each_process_has_events_of_its_own)
{
    wn__run_files files;
    wn__run_lengths lengths = {0};
    const wn__timing timing = {.step = 4, .images_per_second = 10};
    CHECK_OK(wn__run_files_open(&files, scratch_folder, &lengths, false, 0));
    CHECK_OK(wn__run_files_timing(&files, &timing));
    CHECK_OK(wn__run_files_sync(&files, &lengths));
    CHECK_OK(wn__run_files_timing(&files, &timing));
    CHECK_OK(wn__run_files_close(&files));
    const int64_t before = size_of("events.out.tfevents.winnow");
    CHECK_OK(wn__run_files_open(&files, scratch_folder, &lengths, false, 4));
    CHECK_OK(wn__run_files_close(&files));
    CHECK_EQ_INT(size_of("timing.jsonl"), lengths.timing);
    CHECK_EQ_INT(size_of("events.out.tfevents.winnow"), before);
    CHECK(size_of("events.out.tfevents.winnow.0002") > 0);
    CHECK_EQ_INT(size_of("events.out.tfevents.winnow.0003"), -1);
}

TEST(events_continue_at_an_exact_length)
{
    const char *path = scratch_path("b.tfevents");
    wn__events e;
    uint8_t got[4096];
    size_t size = 0;
    int64_t length, end;
    CHECK_OK(wn__events_open(&e, path, 0, 0));
    CHECK_OK(wn__events_scalar(&e, "loss", 1, 0, 1));
    CHECK_OK(wn__events_sync(&e, &length));
    CHECK_OK(wn__events_scalar(&e, "loss", 2, 0, 2));
    CHECK_OK(wn__events_close(&e));
    CHECK_OK(wn__events_open(&e, path, length, 0));
    CHECK_OK(wn__events_scalar(&e, "accuracy", 0, 0, 3));
    CHECK_OK(wn__events_sync(&e, &end));
    CHECK_OK(wn__events_close(&e));
    CHECK_EQ_INT(count_records(path, got, &size), 3);
    CHECK(memmem(got, size, "accuracy", 8) != NULL);
    CHECK_OK(wn__file_size(path, &length));
    CHECK_EQ_INT(length, end);
    CHECK_STATUS(wn__events_open(&e, path, end + 1, 0), WN_EFORMAT);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(reals_are_short_and_read_back_equal),
                                    RUN(json_lines_read_back),
                                    RUN(bad_json_lines_are_named),
                                    RUN(json_files_are_saved_and_loaded),
                                    RUN(crc32c_has_the_known_answers),
                                    RUN(scalar_event_has_the_expected_bytes),
                                    RUN(start_event_has_the_expected_bytes),
                                    RUN(each_process_has_events_of_its_own),
                                    RUN(events_continue_at_an_exact_length),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
