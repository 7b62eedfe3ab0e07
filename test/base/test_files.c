#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/files.h"
#include "test.h"

static char folder[] = "/tmp/winnow-test-XXXXXX";

static const char *in_folder(const char *name)
{
    static char path[256];
    snprintf(path, sizeof path, "%s/%s", folder, name);
    return path;
}

static void check_contents(const char *name, const char *want)
{
    char *data, copy[64];
    size_t size;
    CHECK_OK(wn__file_read(in_folder(name), &data, &size));
    CHECK_EQ_INT(size, strlen(want));
    CHECK_EQ_INT(data[size], 0);
    snprintf(copy, sizeof copy, "%s", data);
    wn__free(data);
    CHECK_EQ_TEXT(copy, want);
}

static int count_entries(void)
{
    char **names;
    int count;
    CHECK_OK(wn__list_folder(folder, &names, &count));
    wn__free_names(names, count);
    return count;
}

/* Lets files of this process grow to `bytes` only; writing beyond gives EFBIG, which counts as "no space". */
static void limit_file_size(rlim_t bytes)
{
    struct rlimit limit;
    signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &limit);
    limit.rlim_cur = bytes;
    CHECK_EQ_INT(setrlimit(RLIMIT_FSIZE, &limit), 0);
}

TEST(written_files_read_back)
{
    int64_t size;
    CHECK_OK(wn__file_write(in_folder("a"), "hello", 5));
    check_contents("a", "hello");
    CHECK_OK(wn__file_size(in_folder("a"), &size));
    CHECK_EQ_INT(size, 5);
    CHECK(wn__file_exists(in_folder("a")) && !wn__folder_exists(in_folder("a")));
    CHECK_OK(wn__file_write(in_folder("a"), "", 0));
    check_contents("a", "");
}

TEST(created_files_are_never_replaced)
{
    char **names;
    int count;
    CHECK_OK(wn__make_folders(in_folder("create")));
    CHECK_OK(wn__file_create(in_folder("create/a"), "first", 5));
    CHECK_OK(wn__file_create(in_folder("create/a"), "second", 6));
    check_contents("create/a", "first");
    CHECK_OK(wn__list_folder(in_folder("create"), &names, &count));
    CHECK_EQ_INT(count, 1); /* nothing temporary stays */
    wn__free_names(names, count);
    CHECK_STATUS(wn__file_create(in_folder("none/a"), "x", 1), WN_ENOTFOUND);
}

TEST(missing_files_and_folders_are_named)
{
    char *data;
    size_t size;
    CHECK_STATUS(wn__file_read(in_folder("none"), &data, &size), WN_ENOTFOUND);
    CHECK_HAS_TEXT(wn_error_message(), in_folder("none"));
    CHECK_STATUS(wn__file_read(folder, &data, &size), WN_EIO);
    CHECK_STATUS(wn__file_write(in_folder("none/b"), "x", 1), WN_ENOTFOUND);
    CHECK(!wn__file_exists(in_folder("none")));
    CHECK(wn__folder_exists(folder) && !wn__file_exists(folder));
}

TEST(files_of_unknown_size_are_read_whole)
{
    enum { LENGTH = 100000 };
    char *data;
    size_t size;
    CHECK_EQ_INT(mkfifo(in_folder("fifo"), 0600), 0);
    const pid_t child = fork();
    if (child == 0) {
        FILE *out = fopen(in_folder("fifo"), "w");
        for (int i = 0; out && i < LENGTH; i++)
            fputc('a', out);
        _exit(out && fclose(out) == 0 ? 0 : 1);
    }
    CHECK_OK(wn__file_read(in_folder("fifo"), &data, &size));
    CHECK_EQ_INT(size, LENGTH);
    CHECK_EQ_INT(strspn(data, "a"), LENGTH);
    wn__free(data);
    waitpid(child, NULL, 0);
}

TEST(a_failed_replacement_keeps_the_old_file_and_no_other)
{
    char big[8192] = {0};
    wn__replace r;
    CHECK_OK(wn__file_write(in_folder("kept"), "old", 3));
    const int entries = count_entries();
    limit_file_size(4096);
    const wn_status small_buffer = wn__file_write(in_folder("kept"), big, sizeof big);
    CHECK_OK(wn__replace_open(&r, in_folder("kept")));
    wn_status status = WN_OK;
    for (int i = 0; i < 5000 && status == WN_OK; i++)
        status = wn__replace_write(&r, "x", 1);
    const wn_status committed = wn__replace_commit(&r);
    limit_file_size(RLIM_INFINITY);
    CHECK_STATUS(small_buffer, WN_ENOSPACE);
    CHECK(committed != WN_OK);
    check_contents("kept", "old");
    CHECK_EQ_INT(count_entries(), entries);
}

TEST(an_aborted_replacement_leaves_nothing)
{
    wn__replace r;
    CHECK_OK(wn__file_write(in_folder("kept"), "old", 3));
    const int entries = count_entries();
    CHECK_OK(wn__replace_open(&r, in_folder("kept")));
    CHECK_OK(wn__replace_write(&r, "new", 3));
    CHECK_EQ_INT(count_entries(), entries + 1);
    wn__replace_abort(&r);
    wn__replace_abort(&r);
    CHECK_EQ_INT(count_entries(), entries);
    check_contents("kept", "old");
}

TEST(links_are_followed_and_stay)
{
    struct stat about;
    CHECK_OK(wn__make_folders(in_folder("links/to")));
    CHECK_EQ_INT(symlink("to/target", in_folder("links/first")), 0);
    CHECK_EQ_INT(symlink("first", in_folder("links/second")), 0);
    CHECK_OK(wn__file_write(in_folder("links/second"), "through a dangling link", 23));
    check_contents("links/to/target", "through a dangling link");
    CHECK_EQ_INT(chmod(in_folder("links/to/target"), 0640), 0);
    CHECK_OK(wn__file_write(in_folder("links/second"), "again", 5));
    check_contents("links/to/target", "again");
    CHECK(lstat(in_folder("links/second"), &about) == 0 && S_ISLNK(about.st_mode));
    CHECK(stat(in_folder("links/to/target"), &about) == 0 && (about.st_mode & 07777) == 0640);
    CHECK_EQ_INT(symlink("circle", in_folder("links/circle")), 0);
    CHECK_STATUS(wn__file_write(in_folder("links/circle"), "x", 1), WN_EIO);
}

static void *read_pipe(void *text)
{
    FILE *file = fopen(in_folder("pipe"), "re");
    if (file) ((char *)text)[fread(text, 1, 31, file)] = 0;
    if (file) fclose(file);
    return NULL;
}

TEST(pipes_and_devices_are_written_as_they_are)
{
    char text[32] = "";
    struct stat about;
    pthread_t reader;
    CHECK_EQ_INT(mkfifo(in_folder("pipe"), 0600), 0);
    CHECK_EQ_INT(pthread_create(&reader, NULL, read_pipe, text), 0);
    CHECK_OK(wn__file_write(in_folder("pipe"), "through a pipe", 14));
    pthread_join(reader, NULL);
    CHECK_EQ_TEXT(text, "through a pipe");
    CHECK(lstat(in_folder("pipe"), &about) == 0 && S_ISFIFO(about.st_mode));
    const int entries = count_entries();
    if (mknod(in_folder("null"), S_IFCHR | 0600, makedev(1, 3)) != 0) SKIP("device nodes cannot be made here");
    FILE *usable = fopen(in_folder("null"), "we");
    if (!usable) SKIP("device nodes cannot be opened here");
    fclose(usable);
    CHECK_OK(wn__file_write(in_folder("null"), "nothing", 7));
    CHECK(lstat(in_folder("null"), &about) == 0 && S_ISCHR(about.st_mode));
    CHECK_EQ_INT(count_entries(), entries + 1);
}

TEST(folders_sockets_and_block_devices_are_not_replaced)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    CHECK(strlen(folder) < 40);
    snprintf(address.sun_path, sizeof address.sun_path, "%.40s/socket", folder);
    const int fd = socket(AF_UNIX, SOCK_STREAM, 0);
    CHECK(fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0);
    close(fd);
    CHECK_OK(wn__make_folders(in_folder("full")));
    CHECK_STATUS(wn__file_write(in_folder("full"), "x", 1), WN_EIO);
    CHECK_HAS_TEXT(wn_error_message(), "it is a folder");
    CHECK_STATUS(wn__file_write(in_folder("socket"), "x", 1), WN_EIO);
    CHECK_HAS_TEXT(wn_error_message(), "it is a socket");
    if (mknod(in_folder("block"), S_IFBLK | 0600, makedev(7, 200)) != 0) SKIP("device nodes cannot be made here");
    CHECK_STATUS(wn__file_write(in_folder("block"), "x", 1), WN_EIO);
    CHECK_HAS_TEXT(wn_error_message(), "it is a block device");
}

TEST(a_full_disk_is_no_space)
{
    wn__append a;
    int64_t length;
    if (access("/dev/full", W_OK) != 0) SKIP("no /dev/full here");
    CHECK_OK(wn__append_open(&a, "/dev/full", -1));
    CHECK_OK(wn__append_write(&a, "x", 1));
    CHECK_STATUS(wn__append_sync(&a, &length), WN_ENOSPACE);
    CHECK_HAS_TEXT(wn_error_message(), "/dev/full");
    CHECK(wn__append_close(&a) != WN_OK);
}

TEST(append_continues_at_the_recorded_length)
{
    wn__append a = {0};
    int64_t length = -2;
    CHECK_OK(wn__append_close(&a));
    CHECK_OK(wn__append_open(&a, in_folder("log"), 0));
    CHECK_OK(wn__append_write(&a, "one\n", 4));
    CHECK_OK(wn__append_sync(&a, &length));
    CHECK_EQ_INT(length, 4);
    CHECK_OK(wn__append_write(&a, "lost\n", 5));
    CHECK_OK(wn__append_close(&a));
    check_contents("log", "one\nlost\n");
    CHECK_OK(wn__append_open(&a, in_folder("log"), length));
    CHECK_OK(wn__append_write(&a, "two\n", 4));
    CHECK_OK(wn__append_close(&a));
    check_contents("log", "one\ntwo\n");
    CHECK_OK(wn__append_open(&a, in_folder("log"), -1));
    CHECK_OK(wn__append_write(&a, "3\n", 2));
    CHECK_OK(wn__append_close(&a));
    check_contents("log", "one\ntwo\n3\n");
}

TEST(append_refuses_a_file_that_is_too_short)
{
    wn__append a;
    CHECK_OK(wn__file_write(in_folder("short"), "12345", 5));
    CHECK_STATUS(wn__append_open(&a, in_folder("short"), 6), WN_EFORMAT);
    CHECK_HAS_TEXT(wn_error_message(), "has 5 bytes, but 6");
    check_contents("short", "12345");
    CHECK_STATUS(wn__append_open(&a, in_folder("absent"), 6), WN_ENOTFOUND);
    CHECK(!wn__file_exists(in_folder("absent")));
}

TEST(folders_are_made_listed_in_order_and_removed)
{
    char **names;
    int count;
    CHECK_OK(wn__make_folders(in_folder("tree/x/y/")));
    CHECK_OK(wn__make_folders(in_folder("tree/x")));
    CHECK_OK(wn__file_write(in_folder("tree/b"), "", 0));
    CHECK_OK(wn__file_write(in_folder("tree/B"), "", 0));
    CHECK_OK(wn__list_folder(in_folder("tree"), &names, &count));
    CHECK_EQ_INT(count, 3);
    CHECK_EQ_TEXT(names[0], "B");
    CHECK_EQ_TEXT(names[1], "b");
    CHECK_EQ_TEXT(names[2], "x");
    wn__free_names(names, count);
    CHECK_OK(wn__list_folder(in_folder("tree/x/y"), &names, &count));
    CHECK_EQ_INT(count, 0);
    wn__free_names(names, count);
    CHECK(wn__make_folders(in_folder("tree/b/c")) != WN_OK);
    CHECK_EQ_INT(symlink(folder, in_folder("tree/x/link")), 0);
    CHECK_OK(wn__remove_tree(in_folder("tree")));
    CHECK(!wn__folder_exists(in_folder("tree")) && wn__folder_exists(folder)); /* the link was not followed */
    CHECK_OK(wn__remove_tree(in_folder("tree")));
    CHECK_STATUS(wn__list_folder(in_folder("tree"), &names, &count), WN_ENOTFOUND);
}

TEST(a_lock_excludes_others_until_released_or_its_owner_dies)
{
    wn__lock lock = {-1}, second = {-1};
    int pipes[2];
    wn__lock_release(&lock);
    CHECK_OK(wn__lock_take(&lock, in_folder("lock")));
    CHECK_STATUS(wn__lock_take(&second, in_folder("lock")), WN_EBUSY);
    CHECK_HAS_TEXT(wn_error_message(), in_folder("lock"));
    wn__lock_release(&lock);
    CHECK_EQ_INT(pipe(pipes), 0);
    const pid_t child = fork();
    if (child == 0) {
        const char answer = wn__lock_take(&second, in_folder("lock")) == WN_OK ? 'y' : 'n';
        if (write(pipes[1], &answer, 1) == 1) pause();
        _exit(0);
    }
    char answer = '?';
    CHECK_EQ_INT(read(pipes[0], &answer, 1), 1);
    CHECK_EQ_INT(answer, 'y');
    CHECK_STATUS(wn__lock_take(&lock, in_folder("lock")), WN_EBUSY);
    kill(child, SIGKILL);
    waitpid(child, NULL, 0);
    CHECK_OK(wn__lock_take(&lock, in_folder("lock")));
    wn__lock_release(&lock);
}

static void check_joined(const char *a, const char *b, const char *want)
{
    char *path = wn__path_join(a, b), copy[64];
    snprintf(copy, sizeof copy, "%s", path);
    wn__free(path);
    CHECK_EQ_TEXT(copy, want);
}

TEST(folders_are_named_after_what_people_write)
{
    static const char *const names[][2] = {{"kd-ticket_2.b+", "kd-ticket_2.b+"},
                                           {"my run", "my-run"},
                                           {"Größe  zwei (2)", "Größe-zwei-2"},
                                           {"../../etc", "etc"},
                                           {"a/b: c", "a-b-c"},
                                           {" -- ", ""},
                                           {"x--", "x--"},
                                           {"\xe5\xae\x9f\xe9\xa8\x93", "\xe5\xae\x9f\xe9\xa8\x93"}};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        char *named = wn__folder_name(names[i][0]);
        CHECK_EQ_TEXT(named, names[i][1]);
        wn__free(named);
    }
}

TEST(paths_join)
{
    check_joined("a", "b", "a/b");
    check_joined("a/", "b/c", "a/b/c");
    check_joined("/", "b", "/b");
    check_joined("a", "/b", "/b");
    check_joined("", "b", "b");
}

/* What `act` does must fail with WN_ENOMEM while one of its allocations fails, leak nothing, and succeed afterwards. */
static void check_memory_failures(wn_status (*act)(void))
{
    const int64_t before = wn__alloc_statistics().bytes;
    wn_status status = WN_ENOMEM;
    int n = 0;
    while (status != WN_OK) {
        wn__alloc_fail_at(++n);
        status = act();
        wn__alloc_fail_at(0);
        CHECK(status == WN_OK || status == WN_ENOMEM);
        CHECK_EQ_INT(wn__alloc_statistics().bytes, before);
    }
    CHECK(n > 1);
}

static wn_status read_one(void)
{
    char *data;
    size_t size;
    const wn_status status = wn__file_read(in_folder("memory"), &data, &size);
    if (status == WN_OK) wn__free(data);
    return status;
}

static wn_status write_one(void) { return wn__file_write(in_folder("memory"), "x", 1); }

static wn_status append_one(void)
{
    wn__append a;
    const wn_status status = wn__append_open(&a, in_folder("memory"), -1);
    return status == WN_OK ? wn__append_close(&a) : status;
}

static wn_status list_one(void)
{
    char **names;
    int count;
    const wn_status status = wn__list_folder(folder, &names, &count);
    if (status == WN_OK) wn__free_names(names, count);
    return status;
}

static wn_status make_one(void) { return wn__make_folders(in_folder("memory-folder")); }

TEST(lack_of_memory_is_reported_and_leaks_nothing)
{
    CHECK_OK(write_one());
    check_memory_failures(read_one);
    check_memory_failures(write_one);
    check_memory_failures(append_one);
    check_memory_failures(list_one);
    check_memory_failures(make_one);
    CHECK(wn__file_exists(in_folder("memory")));
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(written_files_read_back),
                                    RUN(created_files_are_never_replaced),
                                    RUN(missing_files_and_folders_are_named),
                                    RUN(files_of_unknown_size_are_read_whole),
                                    RUN(a_failed_replacement_keeps_the_old_file_and_no_other),
                                    RUN(an_aborted_replacement_leaves_nothing),
                                    RUN(links_are_followed_and_stay),
                                    RUN(pipes_and_devices_are_written_as_they_are),
                                    RUN(folders_sockets_and_block_devices_are_not_replaced),
                                    RUN(a_full_disk_is_no_space),
                                    RUN(append_continues_at_the_recorded_length),
                                    RUN(append_refuses_a_file_that_is_too_short),
                                    RUN(folders_are_made_listed_in_order_and_removed),
                                    RUN(a_lock_excludes_others_until_released_or_its_owner_dies),
                                    RUN(folders_are_named_after_what_people_write),
                                    RUN(paths_join),
                                    RUN(lack_of_memory_is_reported_and_leaks_nothing),
                                    {0}};
    if (!mkdtemp(folder)) return 1;
    const int result = wn_test_main(argc, argv, tests);
    return wn__remove_tree(folder) == WN_OK ? result : 1;
}
