/* Files and folders: whole-file reads, writes that either happen completely or not at all, locks. */
#ifndef WN_BASE_FILES_H
#define WN_BASE_FILES_H

#include <stdio.h>

#include "winnow/core.h"

/* Whole file into memory; one zero byte follows the data, not counted in *size. Caller frees with wn__free. */
wn_status wn__file_read(const char *path, char **data, size_t *size);
bool wn__file_exists(const char *path);
bool wn__folder_exists(const char *path);
wn_status wn__file_size(const char *path, int64_t *size);

/* A file being replaced: written under a temporary name beside the target, synced, renamed on commit.
 * Until wn__replace_commit returns WN_OK the old file is intact. Links are followed and stay; a file that is replaced keeps its mode.
 * A pipe or a character device is written as bytes come; a folder, a socket and a block device are refused. */
typedef struct wn__replace {
    FILE *file;
    char *path, *temporary; /* temporary: NULL of a stream */
    bool is_stream;
} wn__replace;
wn_status wn__replace_open(wn__replace *r, const char *path);
wn_status wn__replace_write(wn__replace *r, const void *data, size_t size);
wn_status wn__replace_commit(wn__replace *r); /* flush, fsync, close, rename, fsync of the folder; releases r also on failure */
void wn__replace_abort(wn__replace *r);       /* removes the temporary file; accepts a zeroed r */
wn_status wn__file_write(const char *path, const void *data, size_t size); /* the three in one */
/* The same, but a file that is there already stays as it is: of all that create it at once, on any machine, one does. */
wn_status wn__file_create(const char *path, const void *data, size_t size);

/* Append-only file: opened at an exact length (what lies behind is cut off), synced on request. */
typedef struct wn__append {
    FILE *file;
    char *path;
} wn__append;
wn_status wn__append_open(wn__append *a, const char *path, int64_t length); /* length -1: at the end; shorter than `length`: WN_EFORMAT */
wn_status wn__append_write(wn__append *a, const void *data, size_t size);
wn_status wn__append_sync(wn__append *a, int64_t *length); /* flush + fsync; *length = the file's length now */
wn_status wn__append_close(wn__append *a);                 /* accepts a zeroed a */

wn_status wn__make_folders(const char *path); /* like mkdir -p */
wn_status wn__remove_tree(const char *path);  /* not an error if absent */
/* Names in a folder (without . and ..), sorted bytewise. Free with wn__free_names. */
wn_status wn__list_folder(const char *path, char ***names, int *count);
void wn__free_names(char **names, int count);

/* Exclusive advisory lock on `path` (created if absent), freed by the kernel if the process dies. WN_EBUSY if another holds it. */
typedef struct wn__lock {
    int fd;
} wn__lock;
wn_status wn__lock_take(wn__lock *lock, const char *path);
/* Held by any number, but not beside an exclusive one, whose end it waits for. */
wn_status wn__lock_share(wn__lock *lock, const char *path);
void wn__lock_release(wn__lock *lock);

/* "a/b" in memory of wn__alloc; an absolute b wins. NULL if out of memory. */
/* A folder name for what people call something: letters and digits (of ASCII, and all of UTF-8 beyond it) and . _ - + stay, what is between them becomes one
 * "-", and none is in front. "" if nothing stays; NULL: out of memory. Free with wn__free. */
char *wn__folder_name(const char *name);
char *wn__path_join(const char *a, const char *b);
/* The folder that holds `path`: "a" of "a/b", "." of "b", "/" of "/b". NULL if out of memory; free with wn__free. */
char *wn__path_folder(const char *path);
/* What stands behind the last slash of a path or address. */
const char *wn__base_name(const char *path);
/* Where what can be found out again is kept: $XDG_CACHE_HOME/winnow, else ~/.cache/winnow; it may not exist yet. NULL: nowhere.
 * Free with wn__free. */
char *wn__cache_folder(void);

#endif
