#include "base/alloc.h"
#include "file_server.h"
#include "io/digest.h"
#include "io/fetch.h"
#include "scratch_folder.h"

enum { SIZE = 300000 };
static char content[SIZE], sum[WN__SHA256_TEXT];

/* served/file with known content; target and part file absent. */
static void prepare(void)
{
    for (int i = 0; i < SIZE; i++)
        content[i] = (char)(i * 7 + i / 1000);
    CHECK_OK(wn__sha256(content, SIZE, sum));
    CHECK_OK(wn__make_folders(scratch_path("served")));
    CHECK_OK(wn__file_write(scratch_path("served/file"), content, SIZE));
    CHECK_OK(wn__remove_tree(scratch_path("served/requests.log")));
    CHECK_OK(wn__remove_tree(scratch_path("target")));
    CHECK_OK(wn__remove_tree(scratch_path("target.part")));
}

static void check_target(void)
{
    char *data;
    size_t size;
    CHECK_OK(wn__file_read(scratch_path("target"), &data, &size));
    CHECK_EQ_INT(size, SIZE);
    CHECK(memcmp(data, content, SIZE) == 0);
    wn__free(data);
    CHECK(!wn__file_exists(scratch_path("target.part")));
}

static const char *requests(void)
{
    static char copy[1024];
    char *data;
    size_t size;
    CHECK_OK(wn__file_read(scratch_path("served/requests.log"), &data, &size));
    snprintf(copy, sizeof(copy), "%s", data);
    wn__free(data);
    return copy;
}

static const char *url_of(const file_server *server, const char *name)
{
    static char url[256];
    snprintf(url, sizeof(url), "http://127.0.0.1:%d/%s", server->port, name);
    return url;
}

static void need_curl(void)
{
    if (!wn__fetch_available()) SKIP("built without libcurl");
}

TEST(sha256_has_the_known_answer)
{
    static const char want[] = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"; /* FIPS 180-2, B.1 */
    char text[WN__SHA256_TEXT];
    CHECK_OK(wn__sha256("abc", 3, text));
    CHECK_EQ_TEXT(text, want);
    CHECK_OK(wn__file_write(scratch_path("abc"), "abc", 3));
    CHECK_OK(wn__sha256_file(scratch_path("abc"), text));
    CHECK_EQ_TEXT(text, want);
    wn__sha256_state *s;
    CHECK_OK(wn__sha256_new(&s));
    CHECK_OK(wn__sha256_add(s, "a", 1));
    CHECK_OK(wn__sha256_add(s, "bc", 2));
    CHECK_OK(wn__sha256_finish(s, text));
    CHECK_EQ_TEXT(text, want);
    CHECK_STATUS(wn__sha256_file(scratch_path("absent"), text), WN_ENOTFOUND);
}

TEST(plain_path_is_copied_and_checked)
{
    prepare();
    const wn__fetch_request r = {.url = scratch_path("served/file"), .path = scratch_path("target"), .sha256 = sum};
    CHECK_OK(wn__fetch(&r));
    check_target();
    prepare();
    CHECK_OK(wn__file_write(scratch_path("target.part"), content, 1000));
    CHECK_OK(wn__fetch(&r));
    check_target();
}

TEST(absent_path_is_reported)
{
    const wn__fetch_request r = {.url = scratch_path("nowhere"), .path = scratch_path("target")};
    CHECK_STATUS(wn__fetch(&r), WN_ENOTFOUND);
}

/* In a process of its own, since a request to stop stays. */
TEST(stop_request_keeps_what_has_arrived)
{
    prepare();
    const wn__fetch_request r = {.url = scratch_path("served/file"), .path = scratch_path("target"), .sha256 = sum};
    fflush(NULL);
    const pid_t child = fork();
    CHECK(child >= 0);
    if (child == 0) {
        wn_request_stop();
        _exit(wn__fetch(&r) == WN_ESTOPPED ? 0 : 1);
    }
    int how = 0;
    int64_t arrived = 0;
    CHECK_EQ_INT(waitpid(child, &how, 0), child);
    CHECK(WIFEXITED(how) && WEXITSTATUS(how) == 0);
    CHECK_OK(wn__file_size(scratch_path("target.part"), &arrived));
    CHECK(arrived > 0 && arrived < SIZE);
    CHECK_OK(wn__fetch(&r)); /* goes on from there */
    check_target();
}

static void note_progress(void *user, const char *url, int64_t done, int64_t total)
{
    (void)url;
    if (done == SIZE && total == SIZE) *(bool *)user = true;
}

TEST(http_address_is_fetched_with_progress)
{
    need_curl();
    prepare();
    file_server server = file_server_start(scratch_path("served"), NULL);
    bool complete = false;
    const wn__fetch_request r = {.url = url_of(&server, "file"),
                                 .path = scratch_path("target"),
                                 .sha256 = sum,
                                 .limit = SIZE,
                                 .progress = note_progress,
                                 .user = &complete};
    CHECK_OK(wn__fetch(&r));
    file_server_stop(&server);
    check_target();
    CHECK(complete);
}

TEST(interrupted_download_is_resumed)
{
    need_curl();
    prepare();
    file_server server = file_server_start(scratch_path("served"), "--ranges");
    CHECK_OK(wn__file_write(scratch_path("target.part"), content, 1234));
    const wn__fetch_request r = {.url = url_of(&server, "file"), .path = scratch_path("target"), .sha256 = sum};
    CHECK_OK(wn__fetch(&r));
    file_server_stop(&server);
    check_target();
    CHECK_EQ_TEXT(requests(), "/file bytes=1234-\n");
}

TEST(download_that_was_complete_is_taken)
{
    need_curl();
    prepare();
    file_server server = file_server_start(scratch_path("served"), "--ranges");
    CHECK_OK(wn__file_write(scratch_path("target.part"), content, SIZE));
    const wn__fetch_request r = {.url = url_of(&server, "file"), .path = scratch_path("target"), .sha256 = sum};
    CHECK_OK(wn__fetch(&r));
    file_server_stop(&server);
    check_target();
}

TEST(server_that_cannot_resume_is_asked_from_the_start)
{
    need_curl();
    prepare();
    file_server server = file_server_start(scratch_path("served"), NULL);
    CHECK_OK(wn__file_write(scratch_path("target.part"), content, 1234));
    const wn__fetch_request r = {.url = url_of(&server, "file"), .path = scratch_path("target"), .sha256 = sum};
    CHECK_OK(wn__fetch(&r));
    file_server_stop(&server);
    check_target();
}

TEST(damaged_part_is_fetched_anew)
{
    need_curl();
    prepare();
    file_server server = file_server_start(scratch_path("served"), "--ranges");
    CHECK_OK(wn__file_write(scratch_path("target.part"), "garbage", 7));
    const wn__fetch_request r = {.url = url_of(&server, "file"), .path = scratch_path("target"), .sha256 = sum};
    CHECK_OK(wn__fetch(&r));
    file_server_stop(&server);
    check_target();
    CHECK_EQ_TEXT(requests(), "/file bytes=7-\n/file -\n");
}

TEST(wrong_checksum_leaves_nothing_behind)
{
    need_curl();
    prepare();
    file_server server = file_server_start(scratch_path("served"), NULL);
    static const char wrong[] = "0000000000000000000000000000000000000000000000000000000000000000";
    const wn__fetch_request r = {.url = url_of(&server, "file"), .path = scratch_path("target"), .sha256 = wrong};
    CHECK_STATUS(wn__fetch(&r), WN_EFORMAT);
    file_server_stop(&server);
    CHECK_HAS_TEXT(wn_error_message(), wrong);
    CHECK_HAS_TEXT(wn_error_message(), sum);
    CHECK(!wn__file_exists(scratch_path("target")) && !wn__file_exists(scratch_path("target.part")));
}

TEST(too_much_data_is_refused)
{
    need_curl();
    prepare();
    file_server server = file_server_start(scratch_path("served"), NULL);
    const wn__fetch_request r = {.url = url_of(&server, "file"), .path = scratch_path("target"), .limit = SIZE - 1};
    CHECK_STATUS(wn__fetch(&r), WN_EFORMAT);
    file_server_stop(&server);
    CHECK_HAS_TEXT(wn_error_message(), "more than the expected 299999 bytes");
    CHECK(!wn__file_exists(scratch_path("target.part")));
}

TEST(network_faults_name_address_and_reason)
{
    need_curl();
    prepare();
    file_server server = file_server_start(scratch_path("served"), NULL);
    wn__fetch_request r = {.url = url_of(&server, "absent"), .path = scratch_path("target")};
    CHECK_STATUS(wn__fetch(&r), WN_ENETWORK);
    CHECK_HAS_TEXT(wn_error_message(), "/absent: ");
    CHECK_HAS_TEXT(wn_error_message(), "404");
    file_server_stop(&server);
    r.url = url_of(&server, "file"); /* nobody listens there now */
    CHECK_STATUS(wn__fetch(&r), WN_ENETWORK);
    r.url = "gopher://127.0.0.1/file";
    CHECK_STATUS(wn__fetch(&r), WN_ENETWORK);
    CHECK(!wn__file_exists(scratch_path("target")));
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(sha256_has_the_known_answer),
                                    RUN(plain_path_is_copied_and_checked),
                                    RUN(absent_path_is_reported),
                                    RUN(stop_request_keeps_what_has_arrived),
                                    RUN(http_address_is_fetched_with_progress),
                                    RUN(interrupted_download_is_resumed),
                                    RUN(download_that_was_complete_is_taken),
                                    RUN(server_that_cannot_resume_is_asked_from_the_start),
                                    RUN(damaged_part_is_fetched_anew),
                                    RUN(wrong_checksum_leaves_nothing_behind),
                                    RUN(too_much_data_is_refused),
                                    RUN(network_faults_name_address_and_reason),
                                    {0}};
    return scratch_test_main(argc, argv, tests);
}
