#include <zlib.h>

#include "base/text.h"
#include "io/pytorch.h"
#include "io/tensor_file.h"
#include "scratch_folder.h"

/* ---- files made by hand: a zip archive of stored members */

enum { MOST_MEMBERS = 8 };

typedef struct archive {
    wn__text bytes, directory;
    int members;
} archive;

static void add_number(wn__text *t, uint64_t number, int bytes)
{
    for (int i = 0; i < bytes; i++)
        wn__text_add_bytes(t, &(uint8_t){i < 8 ? (uint8_t)(number >> (8 * i)) : 0}, 1);
}

static void add_member(archive *a, const char *name, const void *data, size_t size)
{
    const size_t place = a->bytes.size, length = strlen(name);
    const uint32_t crc = (uint32_t)crc32(0, data, (uInt)size);
    add_number(&a->bytes, 0x04034B50, 4);
    add_number(&a->bytes, 0, 10);
    add_number(&a->bytes, crc, 4);
    add_number(&a->bytes, size, 4);
    add_number(&a->bytes, size, 4);
    add_number(&a->bytes, length, 4);
    wn__text_add_bytes(&a->bytes, name, length);
    wn__text_add_bytes(&a->bytes, data, size);
    add_number(&a->directory, 0x02014B50, 4);
    add_number(&a->directory, 0, 12);
    add_number(&a->directory, crc, 4);
    add_number(&a->directory, size, 4);
    add_number(&a->directory, size, 4);
    add_number(&a->directory, length, 4);
    add_number(&a->directory, 0, 10);
    add_number(&a->directory, place, 4);
    wn__text_add_bytes(&a->directory, name, length);
    a->members++;
}

static void finish(archive *a)
{
    const size_t place = a->bytes.size, size = a->directory.size;
    wn__text_add_bytes(&a->bytes, a->directory.data, size);
    add_number(&a->bytes, 0x06054B50, 4);
    add_number(&a->bytes, 0, 4);
    add_number(&a->bytes, (uint64_t)a->members, 2);
    add_number(&a->bytes, (uint64_t)a->members, 2);
    add_number(&a->bytes, size, 4);
    add_number(&a->bytes, place, 4);
    add_number(&a->bytes, 0, 2);
    wn__text_release(&a->directory);
}

static const float six[6] = {1, 2, 3, 4, 5, 6};

/* A file of this pickle and a storage "0" of six floats; other members stay in `a`. */
static wn_status parse_with(archive a, const void *pickle, size_t size, wn__safetensors **file)
{
    add_member(&a, "archive/data.pkl", pickle, size);
    add_member(&a, "archive/data/0", six, sizeof six);
    finish(&a);
    const wn_status status = wn__pytorch_parse("made.pth", (const uint8_t *)a.bytes.data, a.bytes.size, file);
    wn__text_release(&a.bytes);
    return status;
}

static void check_refused(const void *pickle, size_t size, wn_status status, const char *why)
{
    wn__safetensors *file;
    CHECK_STATUS(parse_with((archive){0}, pickle, size, &file), status);
    CHECK_HAS_TEXT(wn_error_message(), "made.pth: ");
    CHECK_HAS_TEXT(wn_error_message(), why);
}
#define CHECK_REFUSED(pickle, status, why) check_refused(pickle, sizeof(pickle) - 1, status, why)

/* ---- pickles made by hand */

#define ADD(t, literal) wn__text_add_bytes(t, literal, sizeof(literal) - 1)

static void add_name(wn__text *t, const char *name)
{
    ADD(t, "X");
    add_number(t, strlen(name), 4);
    wn__text_add(t, "%s", name);
}

static void add_int(wn__text *t, int64_t number)
{
    ADD(t, "\x8A\x08");
    add_number(t, (uint64_t)number, 8);
}

static void add_numbers(wn__text *t, int count, const int64_t *numbers)
{
    ADD(t, "(");
    for (int i = 0; i < count; i++)
        add_int(t, numbers[i]);
    ADD(t, "t");
}

static void add_tensor(wn__text *t, const char *storage, const char *key, int64_t elements, int64_t offset, int ndim, const int64_t *shape,
                       const int64_t *strides)
{
    ADD(t, "ctorch._utils\n_rebuild_tensor_v2\n((");
    add_name(t, "storage");
    wn__text_add(t, "ctorch\n%s\n", storage);
    add_name(t, key);
    add_name(t, "cpu");
    add_int(t, elements);
    ADD(t, "tQ");
    add_int(t, offset);
    add_numbers(t, ndim, shape);
    add_numbers(t, ndim, strides);
    ADD(t, "\x89"
           "ccollections\nOrderedDict\n)RtR");
}

static const int64_t shape23[] = {2, 3}, strides23[] = {3, 1}, shape32[] = {3, 2}, strides32[] = {1, 3};

/* {name: a tensor of 2 x 3} */
static void add_weights(wn__text *t, const char *name)
{
    ADD(t, "}");
    add_name(t, name);
    add_tensor(t, "FloatStorage", "0", 6, 0, 2, shape23, strides23);
    ADD(t, "s");
}

static wn__safetensors *open_pickle(wn__text *t)
{
    wn__safetensors *file;
    ADD(t, ".");
    CHECK_OK(parse_with((archive){0}, t->data, t->size, &file));
    wn__text_release(t);
    return file;
}

static void check_floats(const wn__safetensors *file, const char *name, int ndim, const int64_t *dim, int count, const float *want)
{
    float got[16];
    CHECK_OK(wn__safetensors_floats(file, name, ndim, dim, got));
    for (int i = 0; i < count; i++)
        CHECK_EQ_INT(got[i], want[i]);
}

TEST(tensors_have_their_names_shapes_and_numbers)
{
    wn__text t = {0};
    ADD(&t, "\x80\x02");
    add_weights(&t, "conv.weight");
    wn__safetensors *file = open_pickle(&t);
    CHECK_EQ_INT(wn__safetensors_count(file), 1);
    CHECK_EQ_INT(wn__safetensors_at(file, 0)->dtype, WN__ST_F32);
    CHECK_EQ_INT((uintptr_t)wn__safetensors_at(file, 0)->data % 64, 0);
    check_floats(file, "conv.weight", 2, shape23, 6, six);
    wn__safetensors_close(file);
}

TEST(strides_and_offsets_are_followed)
{
    wn__text t = {0};
    ADD(&t, "}(");
    add_name(&t, "transposed");
    add_tensor(&t, "FloatStorage", "0", 6, 0, 2, shape32, strides32);
    add_name(&t, "every second");
    add_tensor(&t, "FloatStorage", "0", 6, 1, 1, &(int64_t){3}, &(int64_t){2});
    add_name(&t, "expanded");
    add_tensor(&t, "FloatStorage", "0", 6, 5, 2, shape23, (int64_t[]){0, 0});
    add_name(&t, "scalar");
    add_tensor(&t, "FloatStorage", "0", 6, 3, 0, NULL, NULL);
    add_name(&t, "empty");
    add_tensor(&t, "FloatStorage", "0", 6, 6, 2, (int64_t[]){0, 3}, strides23);
    ADD(&t, "u");
    wn__safetensors *file = open_pickle(&t);
    check_floats(file, "transposed", 2, shape32, 6, (float[]){1, 4, 2, 5, 3, 6});
    check_floats(file, "every second", 1, &(int64_t){3}, 3, (float[]){2, 4, 6});
    check_floats(file, "expanded", 2, shape23, 6, (float[]){6, 6, 6, 6, 6, 6});
    check_floats(file, "scalar", 0, NULL, 1, (float[]){4});
    check_floats(file, "empty", 2, (int64_t[]){0, 3}, 0, NULL);
    wn__safetensors_close(file);
}

TEST(weights_inside_a_checkpoint_are_found)
{
    wn__text t = {0};
    ADD(&t, "}(");
    add_name(&t, "epoch");
    ADD(&t, "K\x07");
    add_name(&t, "accuracy");
    ADD(&t, "G?\xF0\0\0\0\0\0\0");
    add_name(&t, "optimizer");
    add_weights(&t, "momentum");
    add_name(&t, "model");
    ADD(&t, "}");
    add_name(&t, "state_dict");
    add_weights(&t, "fc.weight");
    ADD(&t, "su");
    wn__safetensors *file = open_pickle(&t);
    CHECK_EQ_INT(wn__safetensors_count(file), 1);
    check_floats(file, "fc.weight", 2, shape23, 6, six);
    wn__safetensors_close(file);
}

TEST(names_of_nested_containers_are_joined_by_dots)
{
    wn__text t = {0};
    ADD(&t, "}(");
    add_name(&t, "encoder");
    ADD(&t, "](");
    add_weights(&t, "a");
    ADD(&t, "N");
    add_weights(&t, "b");
    ADD(&t, "e");
    add_name(&t, "head");
    add_tensor(&t, "FloatStorage", "0", 6, 0, 1, &(int64_t){6}, &(int64_t){1});
    ADD(&t, "u");
    wn__safetensors *file = open_pickle(&t);
    CHECK_EQ_INT(wn__safetensors_count(file), 3);
    CHECK(wn__safetensors_find(file, "encoder.0.a") && wn__safetensors_find(file, "encoder.2.b") && wn__safetensors_find(file, "head"));
    wn__safetensors_close(file);
}

static char warning[512];
static void keep_warning(void *user, wn_log_level level, const char *text)
{
    (void)user;
    if (level == WN_LOG_WARNING) snprintf(warning, sizeof warning, "%s", text);
}

TEST(a_wrong_checksum_is_a_warning)
{
    wn__text t = {0};
    archive a = {0};
    wn__safetensors *file;
    add_weights(&t, "w");
    ADD(&t, ".");
    add_member(&a, "archive/data.pkl", t.data, t.size);
    add_member(&a, "archive/data/0", six, sizeof six);
    finish(&a);
    wn_log_set_sink(keep_warning, NULL);
    CHECK_OK(wn__pytorch_parse("made.pth", (const uint8_t *)a.bytes.data, a.bytes.size, &file));
    wn__safetensors_close(file);
    CHECK_EQ_TEXT(warning, "");
    memcpy(memmem(a.bytes.data, a.bytes.size, six, sizeof six), "\x01", 1);
    CHECK_OK(wn__pytorch_parse("made.pth", (const uint8_t *)a.bytes.data, a.bytes.size, &file));
    CHECK_HAS_TEXT(warning, "the checksum of 'archive/data/0' is wrong");
    wn_log_set_sink(NULL, NULL);
    wn__safetensors_close(file);
    wn__text_release(&t);
    wn__text_release(&a.bytes);
}

TEST(big_endian_files_are_turned)
{
    archive a = {0};
    wn__safetensors *file;
    wn__text t = {0};
    add_member(&a, "archive/byteorder", "big", 3);
    add_weights(&t, "w");
    ADD(&t, ".");
    CHECK_OK(parse_with(a, t.data, t.size, &file));
    const uint8_t *got = wn__safetensors_at(file, 0)->data, *stored = (const uint8_t *)six;
    for (int i = 0; i < 24; i++)
        CHECK_EQ_INT(got[i], stored[i / 4 * 4 + 3 - i % 4]);
    wn__safetensors_close(file);
    wn__text_release(&t);
}

/* ---- hostile and foreign ones */

TEST(every_foreign_name_is_refused_by_name)
{
    CHECK_REFUSED("\x80\x02"
                  "cos\nsystem\n(X\x02\0\0\0lstR.",
                  WN_EUNSUPPORTED, "'os.system'");
    CHECK_REFUSED("cbuiltins\neval\nX\x01\0\0\0"
                  "1\x85R.",
                  WN_EUNSUPPORTED, "'builtins.eval'");
    CHECK_REFUSED("\x80\x04\x8C\x05posix\x8C\x06system\x93.", WN_EUNSUPPORTED, "'posix.system'");
    CHECK_REFUSED("c__main__\nNet\n)\x81.", WN_EUNSUPPORTED, "'__main__.Net'");
    CHECK_HAS_TEXT(wn_error_message(), "torch.save(model.state_dict(), NEW)");
    CHECK_REFUSED("ctorch.storage\n_load_from_bytes\n)R.", WN_EUNSUPPORTED, "'torch.storage._load_from_bytes'");
    CHECK_REFUSED("ctorch\nFloatStorage.__class__\n.", WN_EUNSUPPORTED, "FloatStorage.__class__");
    CHECK_REFUSED("c\x1B[31m\nx\n.", WN_EUNSUPPORTED, "'?[31m.x'");
    CHECK_REFUSED("(S'ls'\nios\nsystem\n.", WN_EUNSUPPORTED, "operation 0x53");
    CHECK_REFUSED("\x82\x01.", WN_EUNSUPPORTED, "operation 0x82"); /* an extension registry's */
}

TEST(pickles_that_are_damaged_say_so)
{
    CHECK_REFUSED("", WN_EFORMAT, "it ends too early");
    CHECK_REFUSED(".", WN_EFORMAT, "the stack is empty");
    CHECK_REFUSED("NN.", WN_EFORMAT, "values are left");
    CHECK_REFUSED("}Ns.", WN_EFORMAT, "the stack is empty");
    CHECK_REFUSED("](K\x01.", WN_EFORMAT, "values are left");
    CHECK_REFUSED("Na.", WN_EFORMAT, "the stack is empty");
    CHECK_REFUSED("NNNs.", WN_EFORMAT, "another kind");
    CHECK_REFUSED("}(Nu.", WN_EFORMAT, "another kind");
    CHECK_REFUSED("}(N(u.", WN_EFORMAT, "another kind");
    CHECK_REFUSED("}(Ns.", WN_EFORMAT, "a mark among values");
    CHECK_REFUSED("t.", WN_EFORMAT, "no mark");
    CHECK_REFUSED("(\x85.", WN_EFORMAT, "a mark among values");
    CHECK_REFUSED("NR.", WN_EFORMAT, "another kind");
    CHECK_REFUSED("N)R.", WN_EFORMAT, "another kind");
    CHECK_REFUSED("NNb.", WN_EFORMAT, "another kind");
    CHECK_REFUSED("h\x05.", WN_EFORMAT, "nothing is kept");
    CHECK_REFUSED("N.", WN_EFORMAT, "without tensors");
    CHECK_REFUSED("ctorch\nSize\n(tR.", WN_EFORMAT, "without tensors");
    CHECK_REFUSED("ctorch\nSize", WN_EFORMAT, "a line does not end");
    CHECK_REFUSED("ctorch._utils\n_rebuild_parameter\n)R.", WN_EFORMAT, "a parameter without tensor");
    CHECK_REFUSED("ctorch._utils\n_rebuild_tensor_v2\n)R.", WN_EFORMAT, "a call of another form");
}

TEST(huge_counts_take_no_memory)
{
    const int64_t before = wn__alloc_statistics().bytes;
    wn__alloc_reset_peak();
    CHECK_REFUSED("X\xFF\xFF\xFF\xFFtext.", WN_EFORMAT, "it ends too early");
    CHECK_REFUSED("\x8D\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFFtext.", WN_EFORMAT, "it ends too early");
    CHECK_REFUSED("\x8B\xFF\xFF\xFF\x7F.", WN_EFORMAT, "it ends too early");
    CHECK_REFUSED("Nr\xFF\xFF\xFF\x7F.", WN_EFORMAT, "larger than the pickle");
    CHECK_REFUSED("Nr\xFF\xFF\xFF\xFF.", WN_EFORMAT, "larger than the pickle");
    CHECK(wn__alloc_statistics().peak - before < 1 << 20);
}

TEST(containers_that_hold_themselves_end)
{
    wn__text t = {0};
    ADD(&t, "]q\0(");
    for (int i = 0; i < 8; i++)
        ADD(&t, "h\0"); /* a list of itself, eight times */
    ADD(&t, "e.");
    check_refused(t.data, t.size, WN_EUNSUPPORTED, "nested more than 32 deep");
    wn__text_release(&t);
    ADD(&t, "(]q\0");
    for (int i = 1; i < 30; i++) { /* each list holds the one before ten times */
        ADD(&t, "](");
        for (int k = 0; k < 10; k++) {
            ADD(&t, "h");
            add_number(&t, (uint64_t)i - 1, 1);
        }
        ADD(&t, "eq");
        add_number(&t, (uint64_t)i, 1);
    }
    ADD(&t, "t.");
    check_refused(t.data, t.size, WN_EUNSUPPORTED, "hold too much");
    wn__text_release(&t);
}

static void check_tensor_refused(const char *storage, const char *key, int64_t elements, int64_t offset, int ndim, const int64_t *shape,
                                 const int64_t *strides, wn_status status, const char *why)
{
    wn__text t = {0};
    ADD(&t, "}");
    add_name(&t, "w");
    add_tensor(&t, storage, key, elements, offset, ndim, shape, strides);
    ADD(&t, "s.");
    check_refused(t.data, t.size, status, why);
    wn__text_release(&t);
}

TEST(tensors_outside_their_storage_are_refused)
{
    static const int64_t seven[] = {1, 1, 1, 1, 1, 1, 1}, huge[] = {INT64_MAX, INT64_MAX}, wide[] = {2, 1}, far[] = {INT64_MAX, 1};
    check_tensor_refused("FloatStorage", "0", 6, 1, 2, shape23, strides23, WN_EFORMAT, "beyond its storage");
    check_tensor_refused("FloatStorage", "0", 6, -1, 2, shape23, strides23, WN_EFORMAT, "beyond its storage");
    check_tensor_refused("FloatStorage", "0", 6, 0, 2, shape23, (int64_t[]){4, 1}, WN_EFORMAT, "beyond its storage");
    check_tensor_refused("FloatStorage", "0", 6, 0, 2, shape23, (int64_t[]){-3, 1}, WN_EFORMAT, "another form");
    check_tensor_refused("FloatStorage", "0", 6, 0, 2, huge, strides23, WN_EFORMAT, "too large");
    check_tensor_refused("FloatStorage", "0", 6, 5, 2, wide, far, WN_EFORMAT, "too large");
    check_tensor_refused("DoubleStorage", "0", 6, 0, 2, shape23, strides23, WN_EFORMAT, "shorter than it says");
    check_tensor_refused("FloatStorage", "0", INT64_MAX, 0, 2, shape23, strides23, WN_EFORMAT, "shorter than it says");
    check_tensor_refused("FloatStorage", "1", 6, 0, 2, shape23, strides23, WN_EFORMAT, "not in the archive");
    check_tensor_refused("FloatStorage", "../data.pkl", 6, 0, 2, shape23, strides23, WN_EFORMAT, "not in the archive");
    check_tensor_refused("FloatStorage", "0", 6, 0, 7, seven, seven, WN_EUNSUPPORTED, "7 dimensions");
    check_tensor_refused("FloatStorage", "0", 6, 0, 2, (int64_t[]){1 << 20, 1 << 20}, (int64_t[]){0, 0}, WN_EUNSUPPORTED,
                         "16 times as many bytes");
    check_tensor_refused("QInt8Storage", "0", 6, 0, 2, shape23, strides23, WN_EUNSUPPORTED, "'torch.QInt8Storage'");
}

TEST(two_tensors_of_one_name_are_refused)
{
    wn__text t = {0};
    ADD(&t, "}(");
    add_name(&t, "a");
    add_weights(&t, "b");
    add_name(&t, "a.b");
    add_tensor(&t, "FloatStorage", "0", 6, 0, 2, shape23, strides23);
    ADD(&t, "u.");
    check_refused(t.data, t.size, WN_EFORMAT, "two tensors of the name 'a.b'");
    wn__text_release(&t);
}

static void check_bytes_refused(const void *bytes, size_t size, wn_status status, const char *why)
{
    wn__safetensors *file;
    CHECK_STATUS(wn__pytorch_parse("f", bytes, size, &file), status);
    CHECK_HAS_TEXT(wn_error_message(), why);
}

TEST(other_formats_are_refused_with_the_way_out)
{
    archive empty = {0}, script = {0};
    static const char old[] = "\x80\x02\x8A\x0A\x6C\xFC\x9C\x46\xF9\x20\x6A\xA8\x50\x19.\x80\x02M\xE9\x03.";
    check_bytes_refused(old, sizeof old - 1, WN_EUNSUPPORTED, "before PyTorch 1.6; save it again: torch.save(torch.load(FILE");
    check_bytes_refused("\x80\x04N.", 4, WN_EFORMAT, "a pickle that torch.save has not written");
    add_member(&empty, "readme.txt", "hello", 5);
    finish(&empty);
    check_bytes_refused(empty.bytes.data, empty.bytes.size, WN_EFORMAT, "no data.pkl");
    for (size_t size = 4; size < empty.bytes.size; size++)
        check_bytes_refused(empty.bytes.data, size, WN_EFORMAT, "truncated");
    add_member(&script, "net/data.pkl", "N.", 2);
    add_member(&script, "net/constants.pkl", ").", 2);
    finish(&script);
    check_bytes_refused(script.bytes.data, script.bytes.size, WN_EUNSUPPORTED, "TorchScript archive; save its weights");
    for (size_t i = 0; i + 12 < script.bytes.size; i++) /* members said to be deflated */
        if (memcmp(script.bytes.data + i, "PK\x01\x02", 4) == 0) script.bytes.data[i + 10] = 8;
    check_bytes_refused(script.bytes.data, script.bytes.size, WN_EUNSUPPORTED, "TorchScript");
    memcpy(script.bytes.data + script.bytes.size - 22 - strlen("constants.pkl"), "Constants", 9);
    check_bytes_refused(script.bytes.data, script.bytes.size, WN_EUNSUPPORTED, "'net/data.pkl' is packed");
    wn__text_release(&empty.bytes);
    wn__text_release(&script.bytes);
}

TEST(a_file_is_opened_by_what_is_in_it)
{
    wn__safetensors *file;
    archive a = {0};
    wn__text t = {0};
    wn__st_writer *w;
    add_weights(&t, "w");
    ADD(&t, ".");
    add_member(&a, "archive/data.pkl", t.data, t.size);
    add_member(&a, "archive/data/0", six, sizeof six);
    finish(&a);
    CHECK_OK(wn__file_write(scratch_path("a.safetensors"), a.bytes.data, a.bytes.size)); /* whatever its name says */
    CHECK_OK(wn__tensor_file_open(scratch_path("a.safetensors"), &file));
    check_floats(file, "w", 2, shape23, 6, six);
    wn__safetensors_close(file);
    CHECK_OK(wn__st_writer_new(&w));
    CHECK_OK(wn__st_writer_add(w, "v", WN__ST_F32, 2, shape23, six));
    CHECK_OK(wn__st_writer_add(w, "small", WN__ST_I8, 1, &(int64_t){3}, "abc"));
    CHECK_OK(wn__st_writer_add(w, "short", WN__ST_I16, 1, &(int64_t){2}, "abcd"));
    CHECK_OK(wn__st_writer_write(w, scratch_path("b.pth")));
    wn__st_writer_free(w);
    CHECK_OK(wn__tensor_file_open(scratch_path("b.pth"), &file));
    check_floats(file, "v", 2, shape23, 6, six);
    CHECK_EQ_INT(wn__safetensors_find(file, "small")->dtype, WN__ST_I8);
    wn__safetensors_close(file);
    static const char *const others[][2] = {{"<!DOCTYPE html><html>", "an HTML page"},
                                            {"version https://git-lfs.github.com/spec/v1\n", "a Git LFS pointer"},
                                            {"\x1F\x8B\x08 packed", "packed by gzip"},
                                            {"", "an empty file"}};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        CHECK_OK(wn__file_write(scratch_path("c"), others[i][0], strlen(others[i][0])));
        CHECK_STATUS(wn__tensor_file_open(scratch_path("c"), &file), WN_EFORMAT);
        CHECK_HAS_TEXT(wn_error_message(), others[i][1]);
    }
    CHECK_STATUS(wn__tensor_file_open(scratch_path("nothing"), &file), WN_ENOTFOUND);
    wn__text_release(&t);
    wn__text_release(&a.bytes);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {
        RUN(tensors_have_their_names_shapes_and_numbers),
        RUN(strides_and_offsets_are_followed),
        RUN(weights_inside_a_checkpoint_are_found),
        RUN(names_of_nested_containers_are_joined_by_dots),
        RUN(a_wrong_checksum_is_a_warning),
        RUN(big_endian_files_are_turned),
        RUN(every_foreign_name_is_refused_by_name),
        RUN(pickles_that_are_damaged_say_so),
        RUN(huge_counts_take_no_memory),
        RUN(containers_that_hold_themselves_end),
        RUN(tensors_outside_their_storage_are_refused),
        RUN(two_tensors_of_one_name_are_refused),
        RUN(other_formats_are_refused_with_the_way_out),
        RUN(a_file_is_opened_by_what_is_in_it),
        {0},
    };
    return scratch_test_main(argc, argv, tests);
}
