#include "base/files.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/locale.h"

static wn_status read_all(FILE *file, const char *path, char **data, size_t *size)
{
    struct stat about;
    if (fstat(fileno(file), &about) != 0) return wn__fail_errno("cannot read %s", path);
    if (S_ISDIR(about.st_mode)) return wn__fail(WN_EIO, "cannot read %s: it is a folder", path);
    size_t room = (size_t)about.st_size + 1, used = 0; /* st_size is 0 for pipes and /proc: grow */
    char *bytes = wn__alloc(room);
    if (!bytes) return wn__no_memory(room);
    for (size_t got; (got = fread(bytes + used, 1, room - used, file)) > 0;) {
        used += got;
        if (used < room) continue;
        char *larger = wn__realloc(bytes, 2 * room);
        if (!larger) {
            wn__free(bytes);
            return wn__no_memory(2 * room);
        }
        bytes = larger;
        room *= 2;
    }
    if (ferror(file)) {
        wn__free(bytes);
        return wn__fail_errno("cannot read %s", path);
    }
    bytes[used] = 0;
    *data = bytes;
    *size = used;
    return WN_OK;
}

wn_status wn__file_read(const char *path, char **data, size_t *size)
{
    FILE *file = fopen(path, "re");
    if (!file) return wn__fail_errno("cannot open %s", path);
    const wn_status status = read_all(file, path, data, size);
    fclose(file);
    return status;
}

bool wn__file_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && !S_ISDIR(about.st_mode);
}

bool wn__folder_exists(const char *path)
{
    struct stat about;
    return stat(path, &about) == 0 && S_ISDIR(about.st_mode);
}

wn_status wn__file_size(const char *path, int64_t *size)
{
    struct stat about;
    if (stat(path, &about) != 0) return wn__fail_errno("cannot look at %s", path);
    *size = about.st_size;
    return WN_OK;
}

/* Make the names in the folder of `path` durable. */
static wn_status sync_folder_of(const char *path)
{
    char *folder = wn__path_folder(path);
    if (!folder) return wn__no_memory(strlen(path));
    const int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    const bool synced = fd >= 0 && (fsync(fd) == 0 || errno == EINVAL || errno == ENOTSUP); /* some file systems need and know none */
    const wn_status status = synced ? WN_OK : wn__fail_errno("cannot sync folder %s", folder);
    if (fd >= 0) close(fd);
    wn__free(folder);
    return status;
}

static void replace_release(wn__replace *r)
{
    wn__free(r->path);
    wn__free(r->temporary);
    *r = (wn__replace){0};
}

/* Beside the target, so that the rename stays within one file system; of a name that no other process or thread uses. */
static char *temporary_name(const char *path)
{
    static atomic_int last_number;
    const size_t size = strlen(path) + 40;
    char *name = wn__alloc(size);
    if (name) snprintf(name, size, "%s.tmp-%ld-%d", path, (long)getpid(), atomic_fetch_add(&last_number, 1));
    return name;
}

/* The name that a link leads to in the end, whether there is a file or not; memory of wn__alloc. */
static wn_status follow_links(const char *path, char **target)
{
    enum { MOST_LINKS = 40 };
    char *name = wn__strdup(path), next[4096];
    for (int i = 0; name && i < MOST_LINKS; i++) {
        const ssize_t length = readlink(name, next, sizeof next);
        if (length < 0) {
            *target = name;
            return WN_OK;
        }
        if (length == sizeof next) break;
        next[length] = 0;
        char *slash = strrchr(name, '/');
        if (slash) slash[1] = 0;
        char *joined = wn__path_join(slash ? name : "", next);
        wn__free(name);
        name = joined;
    }
    const wn_status status =
        name ? wn__fail(WN_EIO, "cannot write %s: too many links, or too long ones", path) : wn__no_memory(strlen(path));
    wn__free(name);
    return status;
}

static wn_status refuse(const char *path, const char *what) { return wn__fail(WN_EIO, "cannot write %s: it is %s", path, what); }

/* Pipes and character devices take bytes as they come; other things that are no regular file are left alone. */
static wn_status look_at_target(wn__replace *r, mode_t *mode)
{
    struct stat about;
    *mode = 0;
    if (stat(r->path, &about) != 0) return errno == ENOENT ? WN_OK : wn__fail_errno("cannot write %s", r->path);
    if (S_ISDIR(about.st_mode)) return refuse(r->path, "a folder");
    if (S_ISSOCK(about.st_mode)) return refuse(r->path, "a socket");
    if (S_ISBLK(about.st_mode)) return refuse(r->path, "a block device");
    r->is_stream = !S_ISREG(about.st_mode);
    *mode = about.st_mode & 07777;
    return WN_OK;
}

static wn_status open_target(wn__replace *r, const char *path)
{
    mode_t mode;
    WN_TRY(follow_links(path, &r->path));
    WN_TRY(look_at_target(r, &mode));
    if (!r->is_stream && !(r->temporary = temporary_name(r->path))) return wn__no_memory(strlen(path));
    r->file = fopen(r->is_stream ? r->path : r->temporary, "we");
    if (!r->file) return wn__fail_errno("cannot write %s", path);
    if (mode && !r->is_stream) (void)!fchmod(fileno(r->file), mode); /* not everywhere; the file is whole all the same */
    return WN_OK;
}

wn_status wn__replace_open(wn__replace *r, const char *path)
{
    *r = (wn__replace){0};
    const wn_status status = open_target(r, path);
    if (status != WN_OK) replace_release(r);
    return status;
}

wn_status wn__replace_write(wn__replace *r, const void *data, size_t size)
{
    if (fwrite(data, 1, size, r->file) == size) return WN_OK;
    return wn__fail_errno("cannot write %s", r->path);
}

static wn_status commit(wn__replace *r)
{
    if (ferror(r->file)) return wn__fail(WN_EIO, "cannot write %s: an earlier write failed", r->path);
    if (fflush(r->file) != 0 || (!r->is_stream && fsync(fileno(r->file)) != 0)) return wn__fail_errno("cannot write %s", r->path);
    FILE *file = r->file;
    r->file = NULL;
    if (fclose(file) != 0) return wn__fail_errno("cannot write %s", r->path);
    if (r->is_stream) return WN_OK;
    if (rename(r->temporary, r->path) != 0) return wn__fail_errno("cannot replace %s", r->path);
    return sync_folder_of(r->path);
}

wn_status wn__replace_commit(wn__replace *r)
{
    const wn_status status = commit(r);
    if (status == WN_OK)
        replace_release(r);
    else
        wn__replace_abort(r);
    return status;
}

void wn__replace_abort(wn__replace *r)
{
    if (r->file) fclose(r->file);
    if (r->temporary) unlink(r->temporary);
    replace_release(r);
}

wn_status wn__file_write(const char *path, const void *data, size_t size)
{
    wn__replace r;
    WN_TRY(wn__replace_open(&r, path));
    const wn_status status = wn__replace_write(&r, data, size);
    if (status == WN_OK) return wn__replace_commit(&r);
    wn__replace_abort(&r);
    return status;
}

wn_status wn__file_create(const char *path, const void *data, size_t size)
{
    char *own = temporary_name(path);
    if (!own) return wn__no_memory(strlen(path));
    wn_status status = wn__file_write(own, data, size);
    if (status == WN_OK && link(own, path) != 0 && errno != EEXIST) status = wn__fail_errno("cannot create %s", path);
    unlink(own);
    wn__free(own);
    return status == WN_OK ? sync_folder_of(path) : status;
}

static wn_status cut_to_length(int fd, const char *path, int64_t length)
{
    struct stat about;
    if (fstat(fd, &about) != 0) return wn__fail_errno("cannot look at %s", path);
    if (length < 0 || about.st_size == length) return WN_OK;
    if (about.st_size < length)
        return wn__fail(WN_EFORMAT, "%s has %lld bytes, but %lld were recorded: it was cut or replaced", path, (long long)about.st_size,
                        (long long)length);
    if (ftruncate(fd, length) != 0) return wn__fail_errno("cannot cut %s to %lld bytes", path, (long long)length);
    return WN_OK;
}

wn_status wn__append_open(wn__append *a, const char *path, int64_t length)
{
    *a = (wn__append){0};
    const int fd = open(path, O_WRONLY | O_APPEND | O_CLOEXEC | (length <= 0 ? O_CREAT : 0), 0666);
    if (fd < 0) return wn__fail_errno("cannot open %s", path);
    wn_status status = cut_to_length(fd, path, length);
    if (status == WN_OK) status = sync_folder_of(path);
    if (status == WN_OK && !(a->path = wn__strdup(path))) status = wn__no_memory(strlen(path));
    if (status == WN_OK && !(a->file = fdopen(fd, "a"))) status = wn__fail_errno("cannot open %s", path);
    if (status == WN_OK) return WN_OK;
    close(fd);
    wn__free(a->path);
    a->path = NULL;
    return status;
}

wn_status wn__append_write(wn__append *a, const void *data, size_t size)
{
    if (fwrite(data, 1, size, a->file) == size) return WN_OK;
    return wn__fail_errno("cannot write %s", a->path);
}

wn_status wn__append_sync(wn__append *a, int64_t *length)
{
    if (fflush(a->file) != 0 || fsync(fileno(a->file)) != 0) return wn__fail_errno("cannot write %s", a->path);
    struct stat about;
    if (fstat(fileno(a->file), &about) != 0) return wn__fail_errno("cannot look at %s", a->path);
    *length = about.st_size;
    return WN_OK;
}

wn_status wn__append_close(wn__append *a)
{
    wn_status status = WN_OK;
    if (a->file && ferror(a->file)) status = wn__fail(WN_EIO, "cannot write %s: an earlier write failed", a->path);
    if (a->file && fclose(a->file) != 0) status = wn__fail_errno("cannot write %s", a->path);
    wn__free(a->path);
    *a = (wn__append){0};
    return status;
}

wn_status wn__make_folders(const char *path)
{
    char *part = wn__strdup(path);
    if (!part) return wn__no_memory(strlen(path));
    wn_status status = WN_OK;
    for (char *end = part; status == WN_OK && *end;) {
        end += strspn(end, "/");
        end += strcspn(end, "/");
        const char kept = *end;
        *end = 0;
        const int fault = mkdir(part, 0777) == 0 ? 0 : errno; /* not EEXIST only: a read-only file system says EROFS of what exists */
        if (fault != 0 && !wn__folder_exists(part)) {
            errno = fault;
            status = wn__fail_errno("cannot make folder %s", part);
        }
        *end = kept;
    }
    wn__free(part);
    return status;
}

static int remove_entry(const char *path, const struct stat *about, int kind, struct FTW *where)
{
    (void)about, (void)kind, (void)where;
    return remove(path);
}

wn_status wn__remove_tree(const char *path)
{
    if (nftw(path, remove_entry, 16, FTW_DEPTH | FTW_PHYS) == 0 || errno == ENOENT) return WN_OK;
    return wn__fail_errno("cannot remove %s", path);
}

static int compare_names(const void *a, const void *b) { return strcmp(*(char *const *)a, *(char *const *)b); }

static wn_status read_names(DIR *folder, const char *path, char ***names, int *count)
{
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(folder);
        if (!entry) return errno == 0 ? WN_OK : wn__fail_errno("cannot read folder %s", path);
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0) continue;
        WN_TRY(wn__make_room(names, *count, sizeof **names));
        char *name = wn__strdup(entry->d_name);
        if (!name) return wn__no_memory(sizeof entry->d_name);
        (*names)[(*count)++] = name;
    }
}

wn_status wn__list_folder(const char *path, char ***names, int *count)
{
    DIR *folder = opendir(path);
    if (!folder) return wn__fail_errno("cannot open folder %s", path);
    char **found = NULL;
    int n = 0;
    const wn_status status = read_names(folder, path, &found, &n);
    closedir(folder);
    if (status != WN_OK) {
        wn__free_names(found, n);
        return status;
    }
    if (n > 0) qsort(found, (size_t)n, sizeof *found, compare_names);
    *names = found;
    *count = n;
    return WN_OK;
}

void wn__free_names(char **names, int count)
{
    for (int i = 0; i < count; i++)
        wn__free(names[i]);
    wn__free(names);
}

static wn_status lock_file(wn__lock *lock, const char *path, int how)
{
    const int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0666);
    if (fd < 0) return wn__fail_errno("cannot open lock %s", path);
    if (flock(fd, how) != 0) {
        const wn_status status =
            errno == EWOULDBLOCK ? wn__fail(WN_EBUSY, "%s: another process works here", path) : wn__fail_errno("cannot lock %s", path);
        close(fd);
        return status;
    }
    lock->fd = fd;
    return WN_OK;
}

wn_status wn__lock_take(wn__lock *lock, const char *path) { return lock_file(lock, path, LOCK_EX | LOCK_NB); }

wn_status wn__lock_share(wn__lock *lock, const char *path) { return lock_file(lock, path, LOCK_SH); }

void wn__lock_release(wn__lock *lock)
{
    if (lock->fd >= 0) close(lock->fd);
    lock->fd = -1;
}

char *wn__folder_name(const char *name)
{
    char *folder = wn__alloc(strlen(name) + 1);
    size_t size = 0;
    for (const char *c = name; folder && *c; c++) {
        const bool letter = wn__is_alnum(*c) || (unsigned char)*c >= 0x80, sign = strchr("._-+", *c) != NULL;
        if (letter || (sign && size > 0))
            folder[size++] = *c;
        else if (size > 0 && folder[size - 1] != '-')
            folder[size++] = '-';
    }
    while (folder && size > 0 && folder[size - 1] == '-' && name[strlen(name) - 1] != '-')
        size--;
    if (folder) folder[size] = 0;
    return folder;
}

char *wn__path_join(const char *a, const char *b)
{
    if (b[0] == '/' || a[0] == 0) return wn__strdup(b);
    const size_t size = strlen(a) + strlen(b) + 2;
    char *path = wn__alloc(size);
    if (path) snprintf(path, size, "%s%s%s", a, a[strlen(a) - 1] == '/' ? "" : "/", b);
    return path;
}

char *wn__path_folder(const char *path)
{
    const char *slash = strrchr(path, '/');
    char *folder = wn__strdup(slash ? path : ".");
    if (folder && slash) folder[slash == path ? 1 : slash - path] = 0;
    return folder;
}

const char *wn__base_name(const char *path)
{
    const char *slash = strrchr(path, '/');
    return slash ? slash + 1 : path;
}

char *wn__cache_folder(void)
{
    const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
    if (cache && cache[0] == '/') return wn__path_join(cache, "winnow"); /* a relative one is invalid by the XDG rules */
    return home && home[0] == '/' ? wn__path_join(home, ".cache/winnow") : NULL;
}
