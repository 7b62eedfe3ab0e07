#include <inttypes.h>
#include <lzma.h>
#include <time.h>
#include <zlib.h>

#include "base/alloc.h"
#include "io/cifar.h"
#include "io/compressed.h"
#include "io/file_digest.h"
#include "io/idx.h"
#include "io/tar.h"
#include "scratch_folder.h"

/* ---- plain, .gz, .xz */

enum { PLAIN = 100000 };
static uint8_t plain[PLAIN], packed[2 * PLAIN];

static void fill_plain(void)
{
    for (int i = 0; i < PLAIN; i++)
        plain[i] = (uint8_t)((int64_t)i * i / 977 + i % 13);
}

static size_t pack_gzip(const void *data, size_t size, uint8_t *out)
{
    z_stream z = {.next_in = (Bytef *)data, .avail_in = (uInt)size, .next_out = out, .avail_out = 2 * PLAIN};
    CHECK_EQ_INT(deflateInit2(&z, 6, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    CHECK_EQ_INT(deflate(&z, Z_FINISH), Z_STREAM_END);
    const size_t made = z.total_out;
    deflateEnd(&z);
    return made;
}

/* The delta filter twice before LZMA2, as pixel files are sometimes packed. */
static size_t pack_xz(const void *data, size_t size, uint8_t *out)
{
    lzma_options_lzma options;
    lzma_options_delta near = {.type = LZMA_DELTA_TYPE_BYTE, .dist = 1}, far = {.type = LZMA_DELTA_TYPE_BYTE, .dist = 32};
    CHECK(!lzma_lzma_preset(&options, 6));
    const lzma_filter filters[] = {
        {LZMA_FILTER_DELTA, &near}, {LZMA_FILTER_DELTA, &far}, {LZMA_FILTER_LZMA2, &options}, {LZMA_VLI_UNKNOWN, NULL}};
    size_t made = 0;
    CHECK_EQ_INT(lzma_stream_buffer_encode((lzma_filter *)filters, LZMA_CHECK_CRC64, NULL, data, size, out, &made, 2 * PLAIN), LZMA_OK);
    return made;
}

static void check_unpacks(const void *bytes, size_t count)
{
    char *data;
    size_t size;
    CHECK_OK(wn__unpack("packed", bytes, count, PLAIN, &data, &size));
    CHECK_EQ_INT(size, PLAIN);
    CHECK(memcmp(data, plain, PLAIN) == 0);
    CHECK_EQ_INT(data[PLAIN], 0);
    wn__free(data);
}

TEST(plain_gz_and_xz_unpack_to_the_same)
{
    fill_plain();
    check_unpacks(plain, PLAIN);
    check_unpacks(packed, pack_gzip(plain, PLAIN, packed));
    check_unpacks(packed, pack_xz(plain, PLAIN, packed));
}

TEST(several_members_are_joined)
{
    fill_plain();
    size_t size = pack_gzip(plain, 1000, packed);
    size += pack_gzip(plain + 1000, PLAIN - 1000, packed + size);
    check_unpacks(packed, size);
    size = pack_xz(plain, 1000, packed);
    size += pack_xz(plain + 1000, PLAIN - 1000, packed + size);
    check_unpacks(packed, size);
}

TEST(nothing_is_unpacked_beyond_the_limit)
{
    char *data;
    size_t size;
    memset(plain, 7, PLAIN);
    static size_t (*const packers[])(const void *, size_t, uint8_t *) = {pack_gzip, pack_xz};
    for (int p = 0; p < 2; p++) {
        const size_t count = packers[p](plain, PLAIN, packed);
        CHECK(count < 1000); /* a small bomb */
        CHECK_OK(wn__unpack("bomb", packed, count, PLAIN, &data, &size));
        wn__free(data);
        wn__alloc_reset_peak();
        const int64_t before = wn__alloc_statistics().peak;
        CHECK_STATUS(wn__unpack("bomb", packed, count, 5000, &data, &size), WN_EFORMAT);
        CHECK_HAS_TEXT(wn_error_message(), "bomb: unpacks to more than the expected 5000 bytes");
        CHECK(wn__alloc_statistics().peak - before <= 2 * 5000 + 1024);
        CHECK_STATUS(wn__unpack("bomb", packed, count, PLAIN - 1, &data, &size), WN_EFORMAT);
    }
    CHECK_STATUS(wn__unpack("long", plain, PLAIN, PLAIN - 1, &data, &size), WN_EFORMAT);
}

TEST(truncated_and_damaged_packed_files_are_refused)
{
    fill_plain();
    static size_t (*const packers[])(const void *, size_t, uint8_t *) = {pack_gzip, pack_xz};
    for (int p = 0; p < 2; p++) {
        const size_t count = packers[p](plain, 3000, packed);
        char *data = NULL;
        size_t size;
        for (size_t n = 6; n < count; n++) {
            CHECK_STATUS(wn__unpack("cut", packed, n, PLAIN, &data, &size), WN_EFORMAT);
            CHECK_HAS_TEXT(wn_error_message(), "cut: ");
        }
        packed[count / 2] ^= 4;
        CHECK_STATUS(wn__unpack("flipped", packed, count, PLAIN, &data, &size), WN_EFORMAT);
    }
}

TEST(data_files_are_found_by_candidate_and_ending)
{
    static const char *const names[] = {"a/images", "b/images", NULL};
    char *path = NULL;
    CHECK_STATUS(wn__find_data_file(scratch_folder, names, &path), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), "a/images, b/images");
    CHECK_OK(wn__make_folders(scratch_path("a")));
    CHECK_OK(wn__make_folders(scratch_path("b")));
    static const char *const order[] = {"b/images.xz", "b/images", "a/images.gz", "a/images"}; /* each is preferred to those before */
    for (int i = 0; i < 4; i++) {
        CHECK_OK(wn__file_write(scratch_path(order[i]), "x", 1));
        CHECK_OK(wn__find_data_file(scratch_folder, names, &path));
        CHECK_EQ_TEXT(path, scratch_path(order[i]));
        wn__free(path);
    }
}

/* ---- digests */

static const char *use_cache(const char *name)
{
    CHECK(setenv("XDG_CACHE_HOME", scratch_path(name), 1) == 0);
    return scratch_path(name);
}

static void check_digest(const char *path, const char *want)
{
    wn__file_digest d;
    CHECK_OK(wn__file_digest_find(path, PLAIN, &d));
    CHECK_EQ_TEXT(d.sha256, want);
    CHECK_EQ_INT(d.bytes, PLAIN);
}

static void digest_of_plain(char want[WN__SHA256_TEXT])
{
    fill_plain();
    CHECK_OK(wn__sha256(plain, PLAIN, want));
}

TEST(all_forms_of_a_file_have_one_digest)
{
    char want[WN__SHA256_TEXT], *data;
    size_t size;
    wn__file_digest d;
    use_cache("cache-forms");
    digest_of_plain(want);
    CHECK_OK(wn__file_write(scratch_path("form"), plain, PLAIN));
    CHECK_OK(wn__file_write(scratch_path("form.gz"), packed, pack_gzip(plain, PLAIN, packed)));
    CHECK_OK(wn__file_write(scratch_path("form.xz"), packed, pack_xz(plain, PLAIN, packed)));
    static const char *const forms[] = {"form", "form.gz", "form.xz"};
    for (int i = 0; i < 3; i++) {
        check_digest(scratch_path(forms[i]), want);
        CHECK_OK(wn__read_digested(scratch_path(forms[i]), PLAIN, &data, &size, &d));
        CHECK(size == PLAIN && memcmp(data, plain, PLAIN) == 0 && strcmp(d.sha256, want) == 0);
        wn__free(data);
        CHECK_STATUS(wn__file_digest_find(scratch_path(forms[i]), PLAIN - 1, &d), WN_EFORMAT);
    }
    CHECK_OK(wn__file_digest_find(scratch_path("form"), 0, &d)); /* any size */
    CHECK_STATUS(wn__file_digest_find(scratch_path("nothing"), 0, &d), WN_ENOTFOUND);
}

enum { STAMP_FIELDS = 6 }; /* unpacked bytes, device, inode, size, two times */

/* Puts a false digest into the cache's only line, and adds `more` to one of its fields. */
static void falsify_cache(const char *cache, const char *file, int field, int more)
{
    char path[600], *text, whole[4096];
    int64_t f[STAMP_FIELDS];
    size_t size;
    snprintf(path, sizeof path, "%s/winnow/digests", cache);
    CHECK_OK(wn__file_read(path, &text, &size));
    const char *line = strchr(text, '\n') + 1;
    CHECK_EQ_INT(
        sscanf(line, "%*s %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64 " %" SCNd64, &f[0], &f[1], &f[2], &f[3], &f[4], &f[5]),
        STAMP_FIELDS);
    CHECK_HAS_TEXT(line, file);
    f[field] += more;
    const int length = snprintf(whole, sizeof whole, "%.*s%064d %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 " %" PRId64 "%s",
                                (int)(line - text), text, 7, f[0], f[1], f[2], f[3], f[4], f[5], strchr(line, '\t'));
    CHECK_OK(wn__file_write(path, whole, (size_t)length));
    wn__free(text);
}

static void wait_until_old(void)
{
    const struct timespec pause = {2, 100000000};
    nanosleep(&pause, NULL);
}

/* Whether the cache is asked shows in the false digest that it was given. */
TEST(a_kept_digest_holds_while_nothing_of_the_file_changes)
{
    char want[WN__SHA256_TEXT], kept[WN__SHA256_TEXT];
    const char *cache = use_cache("cache-kept"), *file = scratch_path("kept.gz");
    snprintf(kept, sizeof kept, "%064d", 7);
    digest_of_plain(want);
    CHECK_OK(wn__file_write(file, packed, pack_gzip(plain, PLAIN, packed)));
    wait_until_old();
    check_digest(file, want);
    falsify_cache(cache, file, 0, 0);
    check_digest(file, kept);
    for (int field = 1; field < STAMP_FIELDS; field++) {
        falsify_cache(cache, file, field, 1);
        check_digest(file, want); /* and it is kept anew */
        falsify_cache(cache, file, 0, 0);
        check_digest(file, kept);
    }
    plain[PLAIN / 2] ^= 1;
    CHECK_OK(wn__sha256(plain, PLAIN, want));
    CHECK_OK(wn__file_write(file, packed, pack_gzip(plain, PLAIN, packed)));
    check_digest(file, want);
}

TEST(digests_of_files_that_just_changed_are_not_kept)
{
    char want[WN__SHA256_TEXT], path[600];
    const char *cache = use_cache("cache-young"), *file = scratch_path("young");
    digest_of_plain(want);
    CHECK_OK(wn__file_write(file, plain, PLAIN));
    check_digest(file, want);
    snprintf(path, sizeof path, "%s/winnow/digests", cache);
    CHECK(!wn__file_exists(path));
}

TEST(a_cache_that_cannot_be_used_is_no_error)
{
    static const char *const texts[] = {"", "winnow digests 1\n\n\tx\nabc 1 2\n", "winnow digests 0\nwhatever\n", "\x01\x02"};
    char want[WN__SHA256_TEXT], path[600];
    const char *cache = use_cache("cache-bad"), *file = scratch_path("old");
    digest_of_plain(want);
    CHECK_OK(wn__file_write(file, plain, PLAIN));
    snprintf(path, sizeof path, "%s/winnow", cache);
    CHECK_OK(wn__make_folders(path));
    snprintf(path, sizeof path, "%s/winnow/digests", cache);
    wait_until_old();
    for (int i = 0; i < 4; i++) {
        CHECK_OK(wn__file_write(path, texts[i], strlen(texts[i])));
        check_digest(file, want);
        check_digest(file, want);
    }
    CHECK(setenv("XDG_CACHE_HOME", "/proc/none", 1) == 0);
    check_digest(file, want);
}

/* ---- IDX */

TEST(idx_images_and_labels_are_read)
{
    static const uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6};
    static const uint8_t labels[] = {0, 0, 8, 1, 0, 0, 0, 2, 9, 4};
    wn__idx idx;
    CHECK_OK(wn__idx_parse("images", images, sizeof(images), &idx));
    CHECK(idx.ndim == 3 && idx.dim[0] == 2 && idx.dim[1] == 1 && idx.dim[2] == 3 && idx.count == 6 && idx.data[5] == 6);
    CHECK_OK(wn__idx_parse("labels", labels, sizeof(labels), &idx));
    CHECK(idx.ndim == 1 && idx.count == 2 && idx.data[1] == 4);
}

TEST(truncated_or_foreign_idx_is_refused)
{
    uint8_t images[] = {0, 0, 8, 3, 0, 0, 0, 2, 0, 0, 0, 1, 0, 0, 0, 3, 1, 2, 3, 4, 5, 6, 99};
    wn__idx idx;
    for (size_t n = 0; n <= sizeof(images); n++)
        if (n != sizeof(images) - 1) CHECK_STATUS(wn__idx_parse("t10k-images", images, n, &idx), WN_EFORMAT);
    CHECK_STATUS(wn__idx_parse("t10k-images", images, sizeof(images) - 3, &idx), WN_EFORMAT);
    CHECK_EQ_TEXT(wn_error_message(), "t10k-images: expected 6 bytes of data after the header, found 4");
    images[2] = 13; /* floats */
    CHECK_STATUS(wn__idx_parse("t10k-images", images, sizeof(images) - 1, &idx), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "00000d03");
    memcpy(images, (uint8_t[]){0, 0, 8, 3, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255, 255}, 16);
    CHECK_STATUS(wn__idx_parse("t10k-images", images, sizeof(images), &idx), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "too large");
}

/* ---- CIFAR */

TEST(cifar_records_are_split)
{
    static uint8_t ten[2 * 3073], hundred[3074], pixels[2 * WN__CIFAR_PIXELS];
    int32_t labels[2];
    int64_t records;
    ten[0] = 3;
    ten[1] = 11;
    ten[3073] = 9;
    ten[2 * 3073 - 1] = 22;
    CHECK_OK(wn__cifar_count("ten", sizeof(ten), &wn__cifar10_layout, &records));
    CHECK_EQ_INT(records, 2);
    CHECK_OK(wn__cifar_parse("ten", ten, sizeof(ten), &wn__cifar10_layout, pixels, labels));
    CHECK(labels[0] == 3 && labels[1] == 9 && pixels[0] == 11 && pixels[2 * WN__CIFAR_PIXELS - 1] == 22);
    hundred[0] = 5;
    hundred[1] = 77;
    CHECK_OK(wn__cifar_parse("hundred", hundred, sizeof(hundred), &wn__cifar100_layout, pixels, labels));
    CHECK_EQ_INT(labels[0], 77);
}

TEST(truncated_or_foreign_cifar_is_refused)
{
    static uint8_t ten[2 * 3073], pixels[2 * WN__CIFAR_PIXELS];
    int32_t labels[2];
    int64_t records;
    CHECK_STATUS(wn__cifar_count("data_batch_1.bin", 5000, &wn__cifar10_layout, &records), WN_EFORMAT);
    CHECK_EQ_TEXT(wn_error_message(),
                  "data_batch_1.bin: 5000 bytes are no whole number of CIFAR-10 records of 3073 bytes (the last has 1927)");
    CHECK_STATUS(wn__cifar_count("empty", 0, &wn__cifar10_layout, &records), WN_EFORMAT);
    ten[3073] = 10;
    CHECK_STATUS(wn__cifar_parse("data_batch_1.bin", ten, sizeof(ten), &wn__cifar10_layout, pixels, labels), WN_EFORMAT);
    CHECK_EQ_TEXT(wn_error_message(), "data_batch_1.bin: record 1 has label 10, expected 0 to 9");
}

/* ---- tar */

/* The header's checksum. */
static void sign(uint8_t *header)
{
    unsigned sum = 0;
    memset(header + 148, ' ', 8);
    for (int i = 0; i < 512; i++)
        sum += header[i];
    snprintf((char *)header + 148, 8, "%06o", sum);
}

/* One header and padded contents at `at`; returns what it took. */
static size_t add_member(uint8_t *at, const char *name, char type, const char *contents)
{
    const size_t size = strlen(contents);
    memset(at, 0, 1024);
    snprintf((char *)at, 100, "%s", name);
    snprintf((char *)at + 124, 12, "%011o", (unsigned)size);
    at[156] = (uint8_t)type;
    memcpy(at + 257, "ustar\00000", 8);
    sign(at);
    memcpy(at + 512, contents, size);
    return size ? 1024 : 512;
}

static wn_status note_member(void *user, const char *name, const void *data, size_t size)
{
    char *notes = user;
    snprintf(notes + strlen(notes), 200, "%s=%.*s;", name, (int)size, (const char *)data);
    return WN_OK;
}

TEST(tar_gives_regular_files)
{
    static uint8_t archive[8192];
    char notes[600] = "";
    size_t size = add_member(archive, "folder/", '5', "");
    size += add_member(archive + size, "folder/a.bin", '0', "abc");
    size += add_member(archive + size, "folder/link", '2', "");
    size += add_member(archive + size, "b", '0', "");
    memset(archive + size, 0, 1024);
    CHECK_OK(wn__tar_read("x.tar", archive, size + 1024, note_member, notes));
    CHECK_EQ_TEXT(notes, "folder/a.bin=abc;b=;");
}

/* As GNU's tar writes what octal digits cannot hold: 8 GiB and more. */
TEST(sizes_in_base_256_are_read)
{
    static uint8_t archive[4096];
    char notes[600] = "";
    const size_t size = add_member(archive, "a.bin", '0', "abc");
    memset(archive + size, 0, 1024);
    memset(archive + 124, 0, 12);
    archive[124] = 0x80;
    archive[135] = 3;
    sign(archive);
    CHECK_OK(wn__tar_read("x.tar", archive, size + 1024, note_member, notes));
    CHECK_EQ_TEXT(notes, "a.bin=abc;");
    archive[131] = 2; /* 8 GiB more */
    sign(archive);
    CHECK_STATUS(wn__tar_read("x.tar", archive, size + 1024, note_member, notes), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "truncated: 'a.bin' has 8589934595 bytes");
    archive[125] = 1; /* beyond 64 bits */
    sign(archive);
    CHECK_STATUS(wn__tar_read("x.tar", archive, size + 1024, note_member, notes), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "no tar header at byte 0");
}

/* A pax record has the size where the header's digits have none. */
TEST(pax_sizes_and_names_go_before_the_headers)
{
    static uint8_t archive[8192];
    char notes[600] = "";
    size_t size = add_member(archive, "x", 'x', "13 path=long\n9 size=3\n");
    const size_t file = size;
    size += add_member(archive + size, "short", '0', "abc");
    snprintf((char *)archive + file + 124, 12, "%011o", 0U);
    sign(archive + file);
    size += add_member(archive + size, "b", '0', "");
    memset(archive + size, 0, 1024);
    CHECK_OK(wn__tar_read("x.tar", archive, size + 1024, note_member, notes));
    CHECK_EQ_TEXT(notes, "long=abc;b=;");
    add_member(archive, "x", 'x', "11 size=3x\n");
    CHECK_STATUS(wn__tar_read("x.tar", archive, size + 1024, note_member, notes), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "\"3x\" is no size");
    add_member(archive, "x", 'x', "29 size=99999999999999999999\n");
    CHECK_STATUS(wn__tar_read("x.tar", archive, size + 1024, note_member, notes), WN_EFORMAT);
}

TEST(truncated_or_foreign_tar_is_refused)
{
    static uint8_t archive[8192];
    char notes[600] = "";
    size_t size = add_member(archive, "a.bin", '0', "abc");
    memset(archive + size, 0, 1024);
    CHECK_STATUS(wn__tar_read("x.tar", archive, size, note_member, notes), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "no end mark");
    CHECK_STATUS(wn__tar_read("x.tar", archive, 514, note_member, notes), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "x.tar: truncated: 'a.bin' has 3 bytes, 2 are left");
    archive[0] = 'z';
    CHECK_STATUS(wn__tar_read("x.tar", archive, size + 1024, note_member, notes), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "no tar header at byte 0");
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(plain_gz_and_xz_unpack_to_the_same),
                                    RUN(several_members_are_joined),
                                    RUN(nothing_is_unpacked_beyond_the_limit),
                                    RUN(truncated_and_damaged_packed_files_are_refused),
                                    RUN(data_files_are_found_by_candidate_and_ending),
                                    RUN(idx_images_and_labels_are_read),
                                    RUN(all_forms_of_a_file_have_one_digest),
                                    RUN(a_kept_digest_holds_while_nothing_of_the_file_changes),
                                    RUN(digests_of_files_that_just_changed_are_not_kept),
                                    RUN(a_cache_that_cannot_be_used_is_no_error),
                                    RUN(truncated_or_foreign_idx_is_refused),
                                    RUN(cifar_records_are_split),
                                    RUN(truncated_or_foreign_cifar_is_refused),
                                    RUN(tar_gives_regular_files),
                                    RUN(sizes_in_base_256_are_read),
                                    RUN(pax_sizes_and_names_go_before_the_headers),
                                    RUN(truncated_or_foreign_tar_is_refused),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
