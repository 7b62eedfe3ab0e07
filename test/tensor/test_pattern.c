/* Patterns of stored entries: against masks, over random ones, and at the edges. */
#include "test.h"

#include "base/rng.h"
#include "patterns.h"

static wn__rng stream(uint64_t number) { return wn__rng_make(7, WN__FOR_TEST, number, 0); }

/* Free with wn__free. Densities include 0 and 1. */
static uint8_t *random_mask(int64_t rows, int64_t columns, double density, wn__rng *rng)
{
    uint8_t *mask = WN_NEW_ARRAY(uint8_t, rows * columns);
    for (int64_t i = 0; i < rows * columns; i++)
        mask[i] = wn__rng_uniform_double(rng) < density;
    return mask;
}

static void check_is_mask(const wn__pattern *p, const uint8_t *mask)
{
    int64_t active = 0;
    CHECK(wn__pattern_is_valid(p));
    for (int64_t r = 0; r < p->rows; r++)
        for (int64_t c = 0; c < p->columns; c++) {
            const int64_t entry = wn__pattern_find(p, r, c);
            CHECK_EQ_INT(entry, mask[r * p->columns + c] ? active : -1);
            if (entry >= 0) CHECK_EQ_INT(pattern_row_of(p, entry), r);
            active += mask[r * p->columns + c];
        }
    CHECK_EQ_INT(p->stored, active);
}

static const struct {
    int64_t rows, columns;
} shapes[] = {{1, 1}, {1, 70}, {70, 1}, {5, 7}, {16, 144}, {64, 33}};
static const double densities[] = {0, 0.02, 0.3, 0.9, 1};

#define FOR_EACH_SHAPE(i) for (int i = 0; i < (int)(sizeof shapes / sizeof *shapes); i++)
#define FOR_EACH_DENSITY(d) for (int d = 0; d < (int)(sizeof densities / sizeof *densities); d++)

/* Empty rows and columns come with the low densities. */
TEST(masks_positions_and_rows_make_the_same_pattern)
{
    wn__rng rng = stream(1);
    FOR_EACH_SHAPE(i) FOR_EACH_DENSITY(d)
    {
        const int64_t rows = shapes[i].rows, columns = shapes[i].columns;
        uint8_t *mask = random_mask(rows, columns, densities[d], &rng), *back = WN_NEW_ARRAY(uint8_t, rows * columns);
        int64_t *position = WN_NEW_ARRAY(int64_t, rows * columns), stored = 0;
        for (int64_t k = 0; k < rows * columns; k++)
            if (mask[k]) position[stored++] = k;
        wn__pattern a, b, c, e;
        CHECK_OK(wn__pattern_from_mask(rows, columns, mask, &a));
        CHECK_OK(wn__pattern_from_positions(rows, columns, position, stored, &b));
        CHECK_OK(wn__pattern_from_rows(rows, columns, a.row_start, a.column, &c));
        CHECK_OK(pattern_copy(&a, &e));
        check_is_mask(&a, mask);
        check_is_mask(&b, mask);
        check_is_mask(&c, mask);
        CHECK(wn__pattern_equal(&a, &b) && wn__pattern_equal(&b, &c) && wn__pattern_equal(&c, &e));
        wn__pattern_mask(&a, back);
        CHECK(memcmp(mask, back, (size_t)(rows * columns)) == 0);
        memset(back, 7, (size_t)(rows * columns));
        for (int64_t first = 0, part = 1; first < rows * columns; first += part, part = part % 40 + 3)
            wn__pattern_mask_part(&a, first, rows * columns - first < part ? rows * columns - first : part, back + first);
        CHECK(memcmp(mask, back, (size_t)(rows * columns)) == 0);
        wn__pattern_release(&a);
        wn__pattern_release(&b);
        wn__pattern_release(&c);
        wn__pattern_release(&e);
        wn__free(mask);
        wn__free(back);
        wn__free(position);
    }
}

TEST(full_patterns_store_everything)
{
    wn__pattern p;
    CHECK_OK(wn__pattern_full(3, 5, &p));
    CHECK(wn__pattern_is_valid(&p));
    CHECK_EQ_INT(p.stored, 15);
    wn__pattern_release(&p);
    CHECK_STATUS(wn__pattern_full(1 << 20, 1 << 20, &p), WN_EINVAL);
}

TEST(scatter_then_gather_is_the_same_and_zero_elsewhere)
{
    wn__rng rng = stream(2);
    uint8_t *mask = random_mask(20, 31, 0.2, &rng);
    wn__pattern p;
    CHECK_OK(wn__pattern_from_mask(20, 31, mask, &p));
    float dense[20 * 31], stored[20 * 31], back[20 * 31];
    for (int64_t e = 0; e < p.stored; e++)
        stored[e] = (float)(e + 1);
    memset(dense, 0xff, sizeof dense);
    wn__pattern_scatter(&p, stored, dense);
    float next = 1;
    for (int i = 0; i < 20 * 31; i++) {
        CHECK(dense[i] == (mask[i] ? next : 0.0f));
        next += mask[i];
    }
    wn__pattern_gather(&p, dense, back);
    CHECK(memcmp(stored, back, (size_t)p.stored * sizeof(float)) == 0);
    wn__pattern_release(&p);
    wn__free(mask);
}

/* The column index holds each entry once: walking it and reading the row side finds the same places. */
TEST(columns_hold_the_entries_of_the_rows)
{
    wn__rng rng = stream(3);
    wn__pattern p;
    CHECK_OK(wn__pattern_random(50, 40, 300, &rng, &p));
    bool seen[300] = {false};
    for (int64_t c = 0; c < p.columns; c++)
        for (int64_t k = p.column_start[c]; k < p.column_start[c + 1]; k++) {
            CHECK_EQ_INT(p.column[p.entry[k]], c);
            CHECK_EQ_INT(pattern_row_of(&p, p.entry[k]), p.row[k]);
            CHECK(!seen[p.entry[k]]);
            seen[p.entry[k]] = true;
        }
    CHECK_EQ_INT(p.column_start[p.columns], 300);
    wn__pattern_release(&p);
}

TEST(bad_positions_are_refused_by_place)
{
    wn__pattern p = {0};
    CHECK_STATUS(wn__pattern_from_positions(3, 4, (int64_t[]){1, 12}, 2, &p), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "position 12 of entry 1");
    CHECK_STATUS(wn__pattern_from_positions(3, 4, (int64_t[]){-1}, 1, &p), WN_EINVAL);
    CHECK_STATUS(wn__pattern_from_positions(3, 4, (int64_t[]){5, 5}, 2, &p), WN_EINVAL);
    CHECK_STATUS(wn__pattern_from_positions(3, 4, (int64_t[]){5, 2}, 2, &p), WN_EINVAL);
    CHECK_STATUS(wn__pattern_from_positions(0, 4, NULL, 0, &p), WN_EINVAL);
    CHECK_STATUS(wn__pattern_from_positions(3, (int64_t)1 << 31, NULL, 0, &p), WN_EINVAL);
    CHECK_STATUS(wn__pattern_from_positions(3, 4, NULL, 13, &p), WN_EINVAL);
    CHECK_STATUS(wn__pattern_from_positions(INT32_MAX, INT32_MAX, NULL, (int64_t)1 << 31, &p), WN_EINVAL);
    CHECK(p.row_start == NULL);
}

TEST(bad_rows_are_refused_by_place)
{
    wn__pattern p = {0};
    const int32_t column[] = {0, 3, 1, 2};
    CHECK_STATUS(wn__pattern_from_rows(2, 4, (int64_t[]){1, 2, 4}, column, &p), WN_EINVAL);
    CHECK_STATUS(wn__pattern_from_rows(2, 4, (int64_t[]){0, 3, 2}, column, &p), WN_EINVAL);
    CHECK_STATUS(wn__pattern_from_rows(2, 4, (int64_t[]){0, -1, 4}, column, &p), WN_EINVAL);
    CHECK_STATUS(wn__pattern_from_rows(2, 4, (int64_t[]){0, 0, 5}, column, &p), WN_EINVAL);
    CHECK_STATUS(wn__pattern_from_rows(2, 4, (int64_t[]){0, 0, INT64_MIN}, column, &p), WN_EINVAL);
    CHECK_STATUS(wn__pattern_from_rows(2, 3, (int64_t[]){0, 2, 4}, column, &p), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "column 3 of entry 1 in row 0");
    CHECK_STATUS(wn__pattern_from_rows(2, 4, (int64_t[]){0, 3, 4}, column, &p), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "column 1 of entry 2 in row 0");
    CHECK(p.row_start == NULL);
    CHECK_OK(wn__pattern_from_rows(2, 4, (int64_t[]){0, 2, 4}, column, &p));
    wn__pattern_release(&p);
}

static void change_at_random(wn__pattern *p, wn__rng *rng, uint8_t *mask)
{
    const int64_t n = p->rows * p->columns;
    int64_t *drop = WN_NEW_ARRAY(int64_t, n), *grow = WN_NEW_ARRAY(int64_t, n), drops = 0, grows = 0, entry = 0;
    for (int64_t k = 0; k < n; k++) {
        if (mask[k]) {
            if (wn__rng_below(rng, 3) == 0) drop[drops++] = entry, mask[k] = 0;
            entry++;
        }
        /* Some that were just dropped come back. */
        if (!mask[k] && wn__rng_below(rng, 5) == 0) grow[grows++] = k, mask[k] = 1;
    }
    CHECK_OK(wn__pattern_change(p, drop, drops, grow, grows));
    wn__free(drop);
    wn__free(grow);
}

TEST(changes_end_in_the_pattern_of_the_new_mask)
{
    wn__rng rng = stream(4);
    FOR_EACH_SHAPE(i) FOR_EACH_DENSITY(d)
    {
        uint8_t *mask = random_mask(shapes[i].rows, shapes[i].columns, densities[d], &rng);
        wn__pattern p;
        CHECK_OK(wn__pattern_from_mask(shapes[i].rows, shapes[i].columns, mask, &p));
        for (int round = 0; round < 5; round++) {
            change_at_random(&p, &rng, mask);
            check_is_mask(&p, mask);
        }
        wn__pattern_release(&p);
        wn__free(mask);
    }
}

TEST(changes_within_the_capacity_allocate_nothing)
{
    wn__rng rng = stream(5);
    wn__pattern p;
    CHECK_OK(wn__pattern_random(30, 30, 100, &rng, &p));
    CHECK_OK(wn__pattern_reserve(&p, 120));
    const int64_t free_place = wn__pattern_find(&p, 0, 0) < 0 ? 0 : 1;
    CHECK(wn__pattern_find(&p, 0, free_place) < 0);
    const int64_t calls = wn__alloc_statistics().calls;
    CHECK_OK(wn__pattern_change(&p, (int64_t[]){99}, 1, &free_place, 1));
    CHECK_EQ_INT(wn__alloc_statistics().calls, calls);
    CHECK(wn__pattern_is_valid(&p));
    CHECK_EQ_INT(p.stored, 100);
    wn__pattern_release(&p);
}

TEST(bad_changes_are_refused_and_change_nothing)
{
    wn__pattern p, before;
    CHECK_OK(wn__pattern_from_positions(3, 4, (int64_t[]){1, 6, 11}, 3, &p));
    CHECK_OK(pattern_copy(&p, &before));
    CHECK_STATUS(wn__pattern_change(&p, (int64_t[]){3}, 1, NULL, 0), WN_EINVAL);
    CHECK_STATUS(wn__pattern_change(&p, (int64_t[]){1, 1}, 2, NULL, 0), WN_EINVAL);
    CHECK_STATUS(wn__pattern_change(&p, (int64_t[]){-1}, 1, NULL, 0), WN_EINVAL);
    CHECK_STATUS(wn__pattern_change(&p, NULL, 0, (int64_t[]){6}, 1), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), "position 6");
    CHECK_STATUS(wn__pattern_change(&p, NULL, 0, (int64_t[]){2, 12}, 2), WN_EINVAL);
    CHECK(wn__pattern_equal(&p, &before));
    CHECK_OK(wn__pattern_change(&p, (int64_t[]){1}, 1, (int64_t[]){6}, 1)); /* dropped and back */
    CHECK(wn__pattern_equal(&p, &before));
    wn__pattern_release(&p);
    wn__pattern_release(&before);
}

TEST(random_patterns_have_the_exact_number_and_every_place_as_often)
{
    static const int64_t stored[] = {0, 1, 7, 19, 20, 33, 39, 40};
    for (int k = 0; k < (int)(sizeof stored / sizeof *stored); k++) {
        int times[40] = {0};
        wn__rng rng = stream(100 + (uint64_t)k);
        for (int round = 0; round < 4000; round++) {
            wn__pattern p;
            CHECK_OK(wn__pattern_random(5, 8, stored[k], &rng, &p));
            CHECK_EQ_INT(p.stored, stored[k]);
            CHECK(wn__pattern_is_valid(&p));
            for (int r = 0; r < 5; r++)
                for (int64_t e = p.row_start[r]; e < p.row_start[r + 1]; e++)
                    times[r * 8 + p.column[e]]++;
            wn__pattern_release(&p);
        }
        const double share = (double)stored[k] / 40, deviation = sqrt(4000 * share * (1 - share));
        for (int i = 0; i < 40; i++)
            CHECK_NEAR(times[i], 4000 * share, 4.5 * deviation, 0);
    }
    wn__rng rng = stream(9);
    wn__pattern p;
    CHECK_STATUS(wn__pattern_random(5, 8, 41, &rng, &p), WN_EINVAL);
}

/* A layer whose dense form would take 160 GB. */
TEST(huge_random_patterns_take_memory_for_their_entries_only)
{
    wn__rng rng = stream(6);
    wn__pattern p;
    wn__alloc_reset_peak();
    CHECK_OK(wn__pattern_random(200000, 200000, 1000000, &rng, &p));
    CHECK_EQ_INT(p.stored, 1000000);
    CHECK(wn__pattern_is_valid(&p));
    CHECK(wn__alloc_statistics().peak < 40 << 20);
    /* Five standard deviations around half of them, by rows and by columns. */
    CHECK_NEAR(p.row_start[100000], 500000, 2500, 0);
    CHECK_NEAR(p.column_start[100000], 500000, 2500, 0);
    wn__pattern_release(&p);
}

TEST(running_out_of_memory_leaves_nothing_behind)
{
    const int64_t bytes = wn__alloc_statistics().bytes;
    for (int64_t fail = 1;; fail++) {
        wn__rng rng = stream(8);
        wn__pattern p;
        wn__alloc_fail_at(fail);
        const wn_status status = wn__pattern_random(10, 10, 30, &rng, &p);
        wn__alloc_fail_at(0);
        if (status == WN_OK) {
            CHECK(fail > 5);
            wn__pattern_release(&p);
            break;
        }
        CHECK_EQ_INT(status, WN_ENOMEM);
        CHECK_EQ_INT(wn__alloc_statistics().bytes, bytes);
    }
    CHECK_EQ_INT(wn__alloc_statistics().bytes, bytes);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(masks_positions_and_rows_make_the_same_pattern),
                                    RUN(full_patterns_store_everything),
                                    RUN(scatter_then_gather_is_the_same_and_zero_elsewhere),
                                    RUN(columns_hold_the_entries_of_the_rows),
                                    RUN(bad_positions_are_refused_by_place),
                                    RUN(bad_rows_are_refused_by_place),
                                    RUN(changes_end_in_the_pattern_of_the_new_mask),
                                    RUN(changes_within_the_capacity_allocate_nothing),
                                    RUN(bad_changes_are_refused_and_change_nothing),
                                    RUN(random_patterns_have_the_exact_number_and_every_place_as_often),
                                    RUN(huge_random_patterns_take_memory_for_their_entries_only),
                                    RUN(running_out_of_memory_leaves_nothing_behind),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
