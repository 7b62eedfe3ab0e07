#include "base/alloc.h"
#include "base/text.h"
#include "test.h"

static bool is_aligned(const void *pointer) { return (uintptr_t)pointer % WN__ALIGN == 0; }

static bool is_zero(const char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0) return false;
    return true;
}

TEST(blocks_are_aligned_and_zeroed)
{
    for (size_t size = 0; size < 300; size += 7) {
        char *block = wn__alloc(size);
        CHECK(block && is_aligned(block) && is_zero(block, size));
        memset(block, 1, size);
        wn__free(block);
    }
    wn__free(NULL);
}

TEST(realloc_keeps_contents_and_zeroes_the_rest)
{
    char *block = wn__alloc(10);
    memset(block, 7, 10);
    block = wn__realloc(block, 1000);
    CHECK(block && is_aligned(block));
    for (int i = 0; i < 10; i++)
        CHECK_EQ_INT(block[i], 7);
    CHECK(is_zero(block + 10, 990));
    block = wn__realloc(block, 3);
    CHECK(block && block[0] == 7 && block[2] == 7);
    wn__free(block);
    block = wn__realloc(NULL, 5);
    CHECK(block && is_zero(block, 5));
    wn__free(block);
}

TEST(sizes_that_overflow_give_null)
{
    CHECK(!wn__alloc_array(INT64_MAX, 16));
    CHECK(!wn__alloc_array(-1, 1));
    CHECK(!wn__alloc(SIZE_MAX));
    CHECK(!wn__alloc((size_t)PTRDIFF_MAX));
}

TEST(statistics_count_calls_bytes_and_peak)
{
    wn__alloc_reset_peak();
    const wn__alloc_stats before = wn__alloc_statistics();
    void *a = wn__alloc(1000), *b = wn__alloc(500);
    wn__free(b);
    const wn__alloc_stats after = wn__alloc_statistics();
    CHECK_EQ_INT(after.calls - before.calls, 2);
    CHECK_EQ_INT(after.bytes - before.bytes, 1000);
    CHECK_EQ_INT(after.peak - before.bytes, 1500);
    wn__free(a);
    CHECK_EQ_INT(wn__alloc_statistics().bytes, before.bytes);
}

TEST(the_chosen_call_fails_and_no_other)
{
    wn__alloc_fail_at(2);
    void *a = wn__alloc(1), *b = wn__alloc(1), *c = wn__alloc(1);
    CHECK(a && !b && c);
    wn__free(a);
    wn__free(c);
    char *kept = wn__strdup("kept");
    wn__alloc_fail_at(1);
    CHECK(!wn__realloc(kept, 100));
    CHECK_EQ_TEXT(kept, "kept");
    wn__free(kept);
    CHECK_STATUS(wn__no_memory(5000000), WN_ENOMEM);
    CHECK_HAS_TEXT(wn_error_message(), "5.0 MB");
}

TEST(growing_arrays_keep_their_contents_and_survive_running_out_of_memory)
{
    enum { COUNT = 1000 };
    int64_t *array = NULL;
    for (int i = 0; i < COUNT; i++) {
        CHECK_OK(wn__make_room(&array, i, sizeof *array));
        array[i] = i;
    }
    for (int i = 0; i < COUNT; i++)
        CHECK_EQ_INT(array[i], i);
    wn__alloc_fail_at(1);
    CHECK_OK(wn__make_room(&array, COUNT, sizeof *array)); /* there is room for 1024 */
    CHECK_STATUS(wn__make_room(&array, 1024, sizeof *array), WN_ENOMEM);
    CHECK_EQ_INT(array[COUNT - 1], COUNT - 1);
    wn__free(array);
}

TEST(text_survives_running_out_of_memory)
{
    wn__text t = {0};
    wn__text_add(&t, "before");
    wn__alloc_fail_at(1);
    for (int i = 0; i < 100; i++)
        wn__text_add(&t, " number %d", i);
    CHECK(t.failed);
    CHECK(strncmp(t.data, "before", 6) == 0);
    wn__text_release(&t);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(blocks_are_aligned_and_zeroed),       RUN(realloc_keeps_contents_and_zeroes_the_rest),
        RUN(sizes_that_overflow_give_null),       RUN(statistics_count_calls_bytes_and_peak),
        RUN(the_chosen_call_fails_and_no_other),  RUN(growing_arrays_keep_their_contents_and_survive_running_out_of_memory),
        RUN(text_survives_running_out_of_memory), {0}};
    return wn_test_main(argc, argv, tests);
}
