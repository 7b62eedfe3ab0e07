#include "base/alloc.h"
#include "io/safetensors.h"
#include "scratch_folder.h"

static const float weights[6] = {1.5f, -2, 0, 3, 1e-30f, -0.0f};
static const int64_t steps[2] = {INT64_MIN, 7};
static const uint8_t mask[3] = {1, 0, 1};

static void write_sample(const char *path)
{
    wn__st_writer *w;
    CHECK_OK(wn__st_writer_new(&w));
    CHECK_OK(wn__st_writer_add(w, "mask", WN__ST_BOOL, 1, (int64_t[]){3}, mask));
    CHECK_OK(wn__st_writer_add(w, "conv1.weight", WN__ST_F32, 2, (int64_t[]){2, 3}, weights));
    CHECK_OK(wn__st_writer_add(w, "empty", WN__ST_F32, 2, (int64_t[]){0, 3}, NULL));
    CHECK_OK(wn__st_writer_add(w, "scalar", WN__ST_F32, 0, NULL, weights));
    CHECK_OK(wn__st_writer_add(w, "steps", WN__ST_I64, 1, (int64_t[]){2}, steps));
    CHECK_OK(wn__st_writer_meta(w, "model", "lenet \"5\" \xc3\xa9"));
    CHECK_OK(wn__st_writer_meta_int(w, "epoch", 12));
    CHECK_OK(wn__st_writer_write(w, path));
    wn__st_writer_free(w);
}

static char *read_sample(size_t *size)
{
    char *bytes;
    write_sample(scratch_path("sample"));
    CHECK_OK(wn__file_read(scratch_path("sample"), &bytes, size));
    return bytes;
}

TEST(what_was_written_is_read)
{
    write_sample(scratch_path("a.safetensors"));
    wn__safetensors *f;
    CHECK_OK(wn__safetensors_open(scratch_path("a.safetensors"), &f));
    CHECK(wn__safetensors_has_crc(f));
    CHECK_EQ_INT(wn__safetensors_count(f), 5);
    float out[6];
    CHECK_OK(wn__safetensors_floats(f, "conv1.weight", 2, (int64_t[]){2, 3}, out));
    CHECK(memcmp(out, weights, sizeof(out)) == 0);
    CHECK_OK(wn__safetensors_floats(f, "scalar", 0, NULL, out));
    CHECK_OK(wn__safetensors_floats(f, "empty", 2, (int64_t[]){0, 3}, out));
    int64_t back[2];
    CHECK_OK(wn__safetensors_bytes(f, "steps", WN__ST_I64, 1, (int64_t[]){2}, back));
    CHECK(memcmp(back, steps, sizeof(back)) == 0);
    CHECK_EQ_TEXT(wn__safetensors_meta(f, "epoch"), "12");
    CHECK_EQ_TEXT(wn__safetensors_meta(f, "model"), "lenet \"5\" \xc3\xa9");
    CHECK(wn__safetensors_meta(f, "absent") == NULL);
    CHECK_EQ_INT(wn__safetensors_meta_count(f), 2);
    const char *key, *value;
    wn__safetensors_meta_at(f, 1, &key, &value);
    CHECK_EQ_TEXT(key, "model");
    for (int i = 0; i < wn__safetensors_count(f); i++) {
        const wn__st_tensor *t = wn__safetensors_at(f, i);
        CHECK_EQ_INT((uintptr_t)t->data % (uintptr_t)wn__st_dtype_size(t->dtype), 0);
    }
    wn__safetensors_close(f);
}

TEST(same_calls_give_the_same_bytes)
{
    size_t size_a, size_b;
    char *a = read_sample(&size_a), *b = read_sample(&size_b);
    CHECK_EQ_INT(size_a, size_b);
    CHECK(memcmp(a, b, size_a) == 0);
    wn__free(a);
    wn__free(b);
}

TEST(wrong_shape_dtype_or_name_is_refused)
{
    write_sample(scratch_path("a.safetensors"));
    wn__safetensors *f;
    float out[6];
    CHECK_OK(wn__safetensors_open(scratch_path("a.safetensors"), &f));
    CHECK_STATUS(wn__safetensors_floats(f, "conv1.weight", 2, (int64_t[]){3, 2}, out), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "(2,3), not (3,2)");
    CHECK_STATUS(wn__safetensors_floats(f, "steps", 1, (int64_t[]){2}, out), WN_EMISMATCH);
    CHECK_HAS_TEXT(wn_error_message(), "I64");
    CHECK_STATUS(wn__safetensors_bytes(f, "steps", WN__ST_I32, 1, (int64_t[]){2}, out), WN_EMISMATCH);
    CHECK_STATUS(wn__safetensors_floats(f, "conv2.weight", -1, NULL, out), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), "conv2.weight");
    wn__safetensors_close(f);
}

TEST(adding_twice_is_refused)
{
    wn__st_writer *w;
    CHECK_OK(wn__st_writer_new(&w));
    CHECK_OK(wn__st_writer_add(w, "a", WN__ST_U8, 1, (int64_t[]){3}, mask));
    CHECK_STATUS(wn__st_writer_add(w, "a", WN__ST_U8, 1, (int64_t[]){3}, mask), WN_EINVAL);
    CHECK_OK(wn__st_writer_meta(w, "k", "v"));
    CHECK_STATUS(wn__st_writer_meta(w, "k", "v"), WN_EINVAL);
    CHECK_STATUS(wn__st_writer_add(w, "\xff", WN__ST_U8, 1, (int64_t[]){3}, mask) == WN_OK ? wn__st_writer_write(w, scratch_path("bad"))
                                                                                           : WN_OK,
                 WN_EINVAL);
    wn__st_writer_free(w);
}

TEST(every_truncation_is_seen)
{
    size_t size;
    char *bytes = read_sample(&size);
    for (size_t n = 0; n < size; n++) {
        wn__safetensors *f;
        CHECK_STATUS(wn__safetensors_parse("cut", bytes, n, &f), WN_EFORMAT);
        CHECK_HAS_TEXT(wn_error_message(), "cut");
    }
    wn__free(bytes);
}

/* A flip inside the name of the checksum key leaves a good file without checksums; every other flip is an error. */
TEST(every_flipped_bit_is_seen)
{
    size_t size;
    char *bytes = read_sample(&size);
    int unchecked = 0;
    for (size_t bit = 0; bit < 8 * size; bit++) {
        wn__safetensors *f;
        bytes[bit / 8] ^= (char)(1 << bit % 8);
        const wn_status status = wn__safetensors_parse("flipped", bytes, size, &f);
        if (status == WN_OK) {
            CHECK(!wn__safetensors_has_crc(f));
            wn__safetensors_close(f);
            unchecked++;
        } else {
            CHECK_EQ_INT(status, WN_EFORMAT);
        }
        bytes[bit / 8] ^= (char)(1 << bit % 8);
    }
    CHECK(unchecked <= 8 * (int)strlen("winnow.crc32"));
    wn__free(bytes);
}

TEST(damage_names_file_and_tensor)
{
    size_t size;
    char *bytes = read_sample(&size);
    wn__safetensors *f;
    bytes[size - 1] ^= 1; /* the last byte belongs to the mask */
    CHECK_STATUS(wn__safetensors_parse("final.safetensors", bytes, size, &f), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "final.safetensors: tensor 'mask' is damaged");
    wn__free(bytes);
}

static wn_status parse_header(const char *header, size_t data_bytes)
{
    char bytes[1024] = {0};
    const uint64_t length = strlen(header);
    memcpy(bytes, &length, 8);
    memcpy(bytes + 8, header, (size_t)length);
    wn__safetensors *f = NULL;
    const wn_status status = wn__safetensors_parse("foreign", bytes, 8 + (size_t)length + data_bytes, &f);
    wn__safetensors_close(f);
    return status;
}

TEST(files_of_others_load_without_checksums)
{
    CHECK_OK(parse_header("{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", 8));
    CHECK_OK(parse_header("{}", 0));
    CHECK_OK(parse_header("{\"__metadata__\":{\"format\":\"pt\"},\"b\":{\"dtype\":\"U8\",\"shape\":[],\"data_offsets\":[0,1]}} ", 1));
}

TEST(inconsistent_headers_are_refused)
{
    static const struct {
        const char *header, *message;
        size_t data;
    } cases[] = {
        {"[]", "no JSON object", 0},
        {"{", "no JSON", 0},
        {"{\"a\":1}", "no dtype", 0},
        {"{\"a\":{\"dtype\":\"F31\",\"shape\":[2],\"data_offsets\":[0,9]}}", "outside", 8},
        {"{\"a\":{\"dtype\":31,\"shape\":[2],\"data_offsets\":[0,8]}}", "no dtype", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":2,\"data_offsets\":[0,8]}}", "no shape", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[-2],\"data_offsets\":[0,8]}}", "no count", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[1,1,1,1,1,1,2],\"data_offsets\":[0,8]}}", "dimensions", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[4294967296,4294967296],\"data_offsets\":[0,8]}}", "too large", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0,8]}}", "outside", 7},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[8,0]}}", "outside", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[2],\"data_offsets\":[0]}}", "data_offsets", 8},
        {"{\"a\":{\"dtype\":\"F32\",\"shape\":[3],\"data_offsets\":[0,8]}}", "do not fit F32(3)", 8},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}", "hole", 3},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}", "after the last", 3},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"b\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[1,3]}}",
         "overlaps", 3},
        {"{\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]},\"a\":{\"dtype\":\"U8\",\"shape\":[2],\"data_offsets\":[0,2]}}",
         "no JSON", 2},
        {"{\"__metadata__\":{\"a\":1}}", "no text", 0},
        {"{\"__metadata__\":[]}", "no object", 0},
        {"{\"__metadata__\":{\"winnow.crc32\":\"x\"}}", "winnow.crc32", 0},
    };
    for (size_t i = 0; i < sizeof(cases) / sizeof(*cases); i++) {
        CHECK_STATUS(parse_header(cases[i].header, cases[i].data), WN_EFORMAT);
        CHECK_HAS_TEXT(wn_error_message(), cases[i].message);
    }
}

TEST(small_floats_are_widened_exactly)
{
    static const uint16_t half[6] = {0x3C00, 0xC000, 0x0001, 0x7BFF, 0xFC00, 0x8000}, brain[2] = {0x3F80, 0xC040};
    static const double wide[1] = {0.1};
    wn__st_writer *w;
    CHECK_OK(wn__st_writer_new(&w));
    CHECK_OK(wn__st_writer_add(w, "half", WN__ST_F16, 1, (int64_t[]){6}, half));
    CHECK_OK(wn__st_writer_add(w, "brain", WN__ST_BF16, 1, (int64_t[]){2}, brain));
    CHECK_OK(wn__st_writer_add(w, "wide", WN__ST_F64, 1, (int64_t[]){1}, wide));
    CHECK_OK(wn__st_writer_write(w, scratch_path("small")));
    wn__st_writer_free(w);
    wn__safetensors *f;
    float out[6];
    CHECK_OK(wn__safetensors_open(scratch_path("small"), &f));
    CHECK_OK(wn__safetensors_floats(f, "half", -1, NULL, out));
    CHECK(out[0] == 1 && out[1] == -2 && out[2] == 0x1p-24f && out[3] == 65504 && out[4] == -INFINITY && out[5] == 0 && signbit(out[5]));
    CHECK_OK(wn__safetensors_floats(f, "brain", -1, NULL, out));
    CHECK(out[0] == 1 && out[1] == -3);
    CHECK_OK(wn__safetensors_floats(f, "wide", -1, NULL, out));
    CHECK(out[0] == 0.1f);
    wn__safetensors_close(f);
}

/* Every allocation fails once: always WN_ENOMEM, and the sanitizer build sees any leak. */
TEST(halves_are_the_nearest)
{
    static const struct {
        float value;
        unsigned f16, bf16;
    } known[] = {{1.0F, 0x3C00, 0x3F80},       {-2.5F, 0xC100, 0xC020},         {65504.0F, 0x7BFF, 0x4780},   {65519.0F, 0x7BFF, 0x4780},
                 {65520.0F, 0x7C00, 0x4780},   {0x1p-24F, 1, 0x3380},           {0x1p-25F, 0, 0x3300},        {0x1.8p-25F, 1, 0x3340},
                 {0x1.004p0F, 0x3C01, 0x3F80}, {0x1.002p0F, 0x3C00, 0x3F80},    {0x1.006p0F, 0x3C02, 0x3F80}, {0x1.01p0F, 0x3C04, 0x3F80},
                 {0x1.03p0F, 0x3C0C, 0x3F82},  {0x1.ffffp-15F, 0x0400, 0x3880}, {-0.0F, 0x8000, 0x8000}};
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        CHECK_EQ_INT(wn__st_half(WN__ST_F16, known[i].value), known[i].f16);
        CHECK_EQ_INT(wn__st_half(WN__ST_BF16, known[i].value), known[i].bf16);
    }
    for (unsigned bits = 0; bits < 1u << 16; bits++)
        for (int k = 0; k < 2; k++) {
            const wn__st_dtype dtype = k ? WN__ST_BF16 : WN__ST_F16;
            const uint16_t half = (uint16_t)bits;
            const float value = wn__st_float(&(wn__st_tensor){.dtype = dtype, .count = 1, .data = &half}, 0);
            if (value == value) CHECK_EQ_INT(wn__st_half(dtype, value), bits);
            if (value != value) CHECK((wn__st_half(dtype, value) & 0x7FFF) > (k ? 0x7F80 : 0x7C00));
        }
}

TEST(running_out_of_memory_is_reported)
{
    write_sample(scratch_path("a.safetensors"));
    for (int n = 1;; n++) {
        wn__safetensors *f = NULL;
        wn__alloc_fail_at(n);
        const wn_status status = wn__safetensors_open(scratch_path("a.safetensors"), &f);
        wn__alloc_fail_at(0);
        wn__safetensors_close(f);
        if (status == WN_OK) break;
        CHECK_EQ_INT(status, WN_ENOMEM);
        CHECK(n < 100);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(what_was_written_is_read),
                                    RUN(same_calls_give_the_same_bytes),
                                    RUN(wrong_shape_dtype_or_name_is_refused),
                                    RUN(adding_twice_is_refused),
                                    RUN(every_truncation_is_seen),
                                    RUN(every_flipped_bit_is_seen),
                                    RUN(damage_names_file_and_tensor),
                                    RUN(files_of_others_load_without_checksums),
                                    RUN(inconsistent_headers_are_refused),
                                    RUN(small_floats_are_widened_exactly),
                                    RUN(halves_are_the_nearest),
                                    RUN(running_out_of_memory_is_reported),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
