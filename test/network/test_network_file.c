/* Networks in files: compressed weights are stored as compressed rows or spelled out, and read into whichever form is wanted. */
#include "base/alloc.h"
#include "base/rng.h"
#include "nn/init.h"
#include "scratch_folder.h"
#include "tensor/compression.h"
#include "train/checkpoint.h"
#include "winnow/experiment.h"

static wn_graph *small_graph(void)
{
    wn_graph *g = wn_graph_new("small", 1, 6, 6);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv", (wn_conv){.out = 5, .kernel = 3});
    x = wn_graph_relu(g, wn_graph_batch_norm(g, x, "bn"));
    x = wn_graph_linear(g, x, "fc", 4, true);
    CHECK_OK(wn_graph_finish(g, x));
    return g;
}

static void mask_weights(wn__params *params, uint64_t seed)
{
    for (int i = 0; i < params->count; i++) {
        wn__param *p = &params->item[i];
        if (p->role != WN__WEIGHT) continue;
        wn__rng rng = wn__rng_make(seed, WN__FOR_TEST, (uint64_t)i, 0);
        uint8_t *mask = WN_NEW_ARRAY(uint8_t, p->count);
        for (int64_t k = 0; k < p->count; k++)
            mask[k] = wn__rng_below(&rng, 3) == 0;
        CHECK_OK(wn__param_set_mask(p, mask));
        wn__free(mask);
    }
}

/* Masked by `seed`, with values and two slots that tell where they belong. */
static wn__params make(const wn_graph *g, uint64_t seed)
{
    wn__params params;
    CHECK_OK(wn__graph_make_params(g, &params));
    CHECK_OK(wn__params_allocate_slots(&params, 2));
    for (int i = 0; i < params.count; i++) {
        wn__param *p = &params.item[i];
        for (int64_t k = 0; k < p->count; k++) {
            p->value[k] = (float)(1000 * (i + 1) + k);
            if (p->slot[0]) p->slot[0][k] = -p->value[k], p->slot[1][k] = 2 * p->value[k];
        }
    }
    if (seed) mask_weights(&params, seed);
    return params;
}

static const wn__optimizer_type *adam(void)
{
    const wn__optimizer_type *type = NULL;
    CHECK_OK(wn__optimizer_find("adam", &type));
    return type;
}

static void check_same(const wn__params *got, const wn__params *want)
{
    for (int i = 0; i < want->count; i++) {
        const wn__param *a = &got->item[i], *b = &want->item[i];
        CHECK_EQ_INT(a->active, b->active);
        const float *of_a[] = {a->value, a->slot[0], a->slot[1]}, *of_b[] = {b->value, b->slot[0], b->slot[1]};
        for (int k = 0; k < 3; k++) {
            if (!of_b[k]) continue;
            for (int64_t at = 0; at < b->count; at++) {
                const bool active = !b->mask || b->mask[at];
                int64_t e = at;
                if (a->pattern) e = wn__pattern_find(a->pattern, at / a->pattern->columns, at % a->pattern->columns);
                CHECK(active || e < 0 || of_a[k][e] == 0);
                if (active) CHECK(e >= 0 && of_a[k][e] == of_b[k][at]);
                if (a->mask) CHECK_EQ_INT(a->mask[at], active);
            }
        }
    }
}

static void save_state(const wn_graph *g, const wn__params *params, const char *path)
{
    const wn__metric_set metrics = wn__metric_set_usual(WN_TARGET_CLASS);
    const wn__checkpoint_owner owner = {.info.graph = g, .optimizer = adam(), .stage = "s", .identity = "i", .metrics = &metrics};
    CHECK_OK(wn__checkpoint_save(path, &owner, params, &(wn__train_state){.step = 3}));
}

static wn_status load_state(const wn_graph *g, wn__params *params, const char *path)
{
    const wn__metric_set metrics = wn__metric_set_usual(WN_TARGET_CLASS);
    const wn__checkpoint_owner owner = {.info.graph = g, .optimizer = adam(), .stage = "s", .identity = "i", .metrics = &metrics};
    wn__train_state state;
    return wn__checkpoint_load(path, &owner, params, &state);
}

/* Every form of file into every form of parameters, which have other masks (or none) before. */
TEST(states_are_read_into_the_form_that_is_wanted)
{
    wn_graph *g = small_graph();
    for (int stored = 0; stored < 2; stored++) {
        wn__params from = make(g, 1), want = make(g, 1);
        if (stored) CHECK_OK(wn__params_compress_masked(&from));
        save_state(g, &from, scratch_path("state"));
        for (int form = 0; form < 3; form++) {
            wn__params to = make(g, form ? 2 : 0);
            if (form == 2) CHECK_OK(wn__params_compress_masked(&to));
            CHECK_OK(load_state(g, &to, scratch_path("state")));
            CHECK((to.item[0].pattern != NULL) == (form == 2));
            check_same(&to, &want);
            wn__params_release(&to);
        }
        wn__params_release(&from);
        wn__params_release(&want);
    }
    wn_graph_free(g);
}

/* Values alone: what is active stays as it is. */
TEST(values_are_read_under_the_masks_that_are_there)
{
    wn_graph *g = small_graph();
    for (int stored = 0; stored < 2; stored++) {
        wn__params from = make(g, 1), masked = make(g, 2), compressed = make(g, 2);
        if (stored) CHECK_OK(wn__params_compress_masked(&from));
        CHECK_OK(wn__params_compress_masked(&compressed));
        save_state(g, &from, scratch_path("state"));
        CHECK_OK(wn__network_load(scratch_path("state"), WN__PART_VALUES, &masked));
        CHECK_OK(wn__network_load(scratch_path("state"), WN__PART_VALUES, &compressed));
        check_same(&compressed, &masked);
        wn__params_release(&from);
        wn__params_release(&masked);
        wn__params_release(&compressed);
    }
    wn_graph_free(g);
}

/* A dense network into compressed parameters: they then store everything. */
TEST(masks_that_a_file_lacks_are_full_patterns)
{
    wn_graph *g = small_graph();
    wn__params dense = make(g, 0), to = make(g, 1);
    CHECK_OK(wn__params_compress_masked(&to));
    CHECK_OK(wn__network_save(scratch_path("dense"), &(wn__network_info){.graph = g}, &dense, NULL));
    CHECK_OK(wn__network_load(scratch_path("dense"), WN__PART_VALUES | WN__PART_MASKS, &to));
    CHECK_EQ_INT(to.item[0].stored, to.item[0].count);
    CHECK(memcmp(to.item[0].value, dense.item[0].value, (size_t)to.item[0].count * sizeof(float)) == 0);
    wn__params_release(&dense);
    wn__params_release(&to);
    wn_graph_free(g);
}

TEST(final_networks_are_the_same_bytes_from_both_forms)
{
    wn_graph *g = small_graph();
    wn__params params = make(g, 1);
    const wn__network_info info = {.graph = g};
    char *a, *b;
    size_t na, nb;
    CHECK_OK(wn__network_save(scratch_path("masked"), &info, &params, NULL));
    CHECK_OK(wn__params_compress_masked(&params));
    CHECK_OK(wn__network_save(scratch_path("compressed"), &info, &params, NULL));
    CHECK_OK(wn__file_read(scratch_path("masked"), &a, &na));
    CHECK_OK(wn__file_read(scratch_path("compressed"), &b, &nb));
    CHECK(na == nb && memcmp(a, b, na) == 0);
    wn__free(a);
    wn__free(b);
    wn__params_release(&params);
    wn_graph_free(g);
}

TEST(spelling_out_a_compressed_network_takes_no_dense_memory)
{
    wn_graph *g = wn_graph_new("wide", 1, 50, 40);
    CHECK_OK(wn_graph_finish(g, wn_graph_linear(g, wn_graph_input(g), "fc", 2000, true)));
    wn__pattern pattern[2] = {{0}};
    wn__rng rng = wn__rng_make(1, WN__FOR_TEST, 0, 0);
    wn__params params;
    CHECK_OK(wn__pattern_random(2000, 2000, 5000, &rng, &pattern[0]));
    CHECK_OK(wn__graph_make_sparse_params(g, pattern, &params));
    wn__alloc_reset_peak();
    const int64_t before = wn__alloc_statistics().bytes;
    int64_t size;
    CHECK_OK(wn__network_save(scratch_path("wide"), &(wn__network_info){.graph = g}, &params, NULL));
    CHECK_OK(wn__file_size(scratch_path("wide"), &size));
    CHECK(size < 5000 * 6 + 2000 * 4 + 5000); /* 6 bytes an entry, the bias, the header: compressed, without being dense before */
    CHECK(wn__alloc_statistics().peak - before < 2 << 20);
    save_state(g, &params, scratch_path("state"));
    CHECK_OK(wn__file_size(scratch_path("state"), &size));
    CHECK(size < 5000 * 8 + 2001 * 8 + 2000 * 4 + 5000); /* 8 bytes an entry, 8 a row, the bias, the header */
    wn__params_release(&params);
    wn_graph_free(g);
}

/* ---- files that are wrong */

typedef struct forged {
    int64_t shape[4], row_start[6];
    int32_t columns[8];
    float values[8];
    int64_t stored, valued;
} forged;

static wn_status read_forged(const wn_graph *g, const forged *f, wn__params *to)
{
    wn__st_writer *w;
    const wn__params dense = make(g, 0);
    CHECK_OK(wn__st_writer_new(&w));
    for (int i = 1; i < dense.count; i++) /* all but conv.weight */
        CHECK_OK(wn__st_writer_add(w, dense.item[i].name, WN__ST_F32, dense.item[i].ndim, dense.item[i].dim, dense.item[i].value));
    CHECK_OK(wn__st_writer_add(w, "conv.weight.shape", WN__ST_I64, 1, (int64_t[]){4}, f->shape));
    CHECK_OK(wn__st_writer_add(w, "conv.weight.row_start", WN__ST_I64, 1, (int64_t[]){6}, f->row_start));
    CHECK_OK(wn__st_writer_add(w, "conv.weight.columns", WN__ST_I32, 1, &f->stored, f->columns));
    CHECK_OK(wn__st_writer_add(w, "conv.weight.values", WN__ST_F32, 1, &f->valued, f->values));
    CHECK_OK(wn__st_writer_write(w, scratch_path("forged")));
    wn__st_writer_free(w);
    wn__params_release((wn__params *)&dense);
    return wn__network_load(scratch_path("forged"), WN__PART_VALUES | WN__PART_MASKS, to);
}

TEST(patterns_that_are_none_are_refused_and_change_nothing)
{
    static const forged right = {{5, 1, 3, 3}, {0, 2, 2, 4, 5, 6}, {0, 8, 1, 2, 3, 7}, {1, 2, 3, 4, 5, 6}, 6, 6};
    wn_graph *g = small_graph();
    for (int compressed = 0; compressed < 2; compressed++) {
        wn__params to = make(g, 1), before = make(g, 1);
        if (compressed) CHECK_OK(wn__params_compress_masked(&to));
        forged f = right;
        f.columns[1] = 9; /* out of range */
        CHECK_STATUS(read_forged(g, &f, &to), WN_EFORMAT);
        CHECK_HAS_TEXT(wn_error_message(), "conv.weight");
        f = right;
        f.columns[1] = -1;
        CHECK_STATUS(read_forged(g, &f, &to), WN_EFORMAT);
        f = right;
        f.columns[3] = 1; /* twice */
        CHECK_STATUS(read_forged(g, &f, &to), WN_EFORMAT);
        f = right;
        f.row_start[2] = 1; /* goes back */
        CHECK_STATUS(read_forged(g, &f, &to), WN_EFORMAT);
        f = right;
        f.row_start[5] = (int64_t)1 << 40; /* far more than there are */
        CHECK_STATUS(read_forged(g, &f, &to), WN_EFORMAT);
        f = right;
        f.row_start[1] = (int64_t)1 << 40;
        CHECK_STATUS(read_forged(g, &f, &to), WN_EFORMAT);
        f = right;
        f.row_start[0] = 1;
        CHECK_STATUS(read_forged(g, &f, &to), WN_EFORMAT);
        f = right;
        f.stored = 5;
        CHECK_STATUS(read_forged(g, &f, &to), WN_EFORMAT);
        f = right;
        f.valued = 5;
        CHECK_STATUS(read_forged(g, &f, &to), WN_EMISMATCH);
        f = right;
        f.shape[0] = 6;
        CHECK_STATUS(read_forged(g, &f, &to), WN_EMISMATCH);
        check_same(&to, &before);
        CHECK_OK(read_forged(g, &right, &to));
        CHECK_EQ_INT(to.item[0].active, 6);
        const wn__param *p = &to.item[0];
        CHECK(compressed ? p->value[1] == 2 && p->pattern->column[1] == 8 : p->value[8] == 2 && p->mask[8] == 1 && p->mask[9] == 0);
        wn__params_release(&to);
        wn__params_release(&before);
    }
    wn_graph_free(g);
}

/* ---- inspection */

typedef struct seen {
    int weights, masks, indices, compressed;
    int64_t conv_nonzero, conv_count;
} seen;

static void look(void *user, const wn_tensor_info *t)
{
    seen *s = user;
    if (!strcmp(t->name, "conv.weight")) {
        s->weights++;
        s->conv_nonzero = t->nonzero;
        s->conv_count = t->count;
        CHECK(t->dims == 4 && t->dim[0] == 5 && t->dim[3] == 3);
    }
    s->masks += strstr(t->name, "_mask") != NULL;
    s->indices += strstr(t->name, "columns") || strstr(t->name, "row_start") || strstr(t->name, "shape") || strstr(t->name, "values");
    s->compressed += t->compressed;
}

TEST(inspection_shows_compressed_weights_as_the_masked_ones)
{
    wn_graph *g = small_graph();
    wn_file_summary sum[2];
    for (int stored = 0; stored < 2; stored++) {
        wn__params params = make(g, 1);
        const int64_t active = params.item[0].active;
        seen s = {0};
        if (stored) CHECK_OK(wn__params_compress_masked(&params));
        save_state(g, &params, scratch_path("state"));
        CHECK_OK(wn_inspect(scratch_path("state"), look, NULL, &s, &sum[stored]));
        CHECK_EQ_INT(s.weights, 1);
        CHECK_EQ_INT(s.indices, 0);
        CHECK_EQ_INT(s.masks, stored ? 0 : 2);
        CHECK_EQ_INT(s.compressed, stored ? 2 : 0);
        CHECK_EQ_INT(s.conv_nonzero, active);
        CHECK_EQ_INT(s.conv_count, 45);
        wn__params_release(&params);
    }
    CHECK(sum[0].tensors == sum[1].tensors && sum[0].count == sum[1].count && sum[0].nonzero == sum[1].nonzero);
    CHECK(sum[0].masked_count == sum[1].masked_count && sum[0].masked_nonzero == sum[1].masked_nonzero);
    wn_graph_free(g);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(states_are_read_into_the_form_that_is_wanted),
                                    RUN(values_are_read_under_the_masks_that_are_there),
                                    RUN(masks_that_a_file_lacks_are_full_patterns),
                                    RUN(final_networks_are_the_same_bytes_from_both_forms),
                                    RUN(spelling_out_a_compressed_network_takes_no_dense_memory),
                                    RUN(patterns_that_are_none_are_refused_and_change_nothing),
                                    RUN(inspection_shows_compressed_weights_as_the_masked_ones),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
