/* Winnow: the data sets it knows, where they lie, how to get and check them.
 *
 * A data folder comes from the argument, else the environment variable WINNOW_DATA, else $XDG_DATA_HOME/winnow, else ~/.local/share/winnow.
 *
 *     wn_data_get("fashion-mnist", NULL, NULL, NULL, NULL);      // from the official address into the data folder
 *     wn_data_verify("fashion-mnist", NULL, print_file, NULL);
 */
#ifndef WINNOW_DATA_H
#define WINNOW_DATA_H

#include "winnow/sample.h"

#ifdef __cplusplus
extern "C" {
#endif

/* Facts about a data set. All texts are static or NULL; of a source that the caller registered (winnow/source.h) until it is unregistered. */
typedef struct wn_dataset_info {
    const char *name, *summary, *license;
    wn_input_kind input;
    wn_target_kind target;
    int channels, height, width;    /* of an input, as a network sees it; 0, as all counts: settings and files say it */
    int classes;                    /* the k of winnow/sample.h */
    const char *const *class_names; /* (classes), or NULL */
    int64_t train_count, test_count;
    bool embedded;   /* made by the program itself: needs no files */
    const char *url; /* first official address; NULL if embedded */
    bool checksums;  /* it has files, and the SHA-256 of each is published: what is read is checked by it */
} wn_dataset_info;

/* A setting of a data set in a recipe (`data: {set: shapes, train: 20000}`). All texts are static. */
typedef struct wn_dataset_setting {
    const char *name, *fallback, *help;
} wn_dataset_setting;

WN_API int wn_dataset_count(void); /* registered sources are the last */
/* 0 <= index < wn_dataset_count(); WN_EINVAL otherwise. */
WN_API WN_NODISCARD wn_status wn_dataset_get_info(int index, wn_dataset_info *info);
WN_API WN_NODISCARD wn_status wn_dataset_get_setting(int index, int setting, wn_dataset_setting *out); /* WN_ENOTFOUND past the last */

/* The folder that would be used. `buffer` gets the text; WN_EINVAL if it does not fit. */
WN_API WN_NODISCARD wn_status wn_data_folder(const char *given, char *buffer, size_t size);

/* One file of a data set. Texts are borrowed for the call. */
typedef struct wn_data_file_state {
    const char *dataset;
    const char *name;  /* usual name under the data folder */
    const char *path;  /* where it was found; NULL if it was not */
    int64_t bytes;     /* unpacked size it should have */
    bool checked;      /* its unpacked bytes have the published SHA-256, or an npz file's the checksums inside (wn_data_verify only) */
    const char *fault; /* NULL, or what is wrong: missing, truncated, wrong checksum ... */
} wn_data_file_state;
typedef void (*wn_data_visit)(void *user, const wn_data_file_state *file);

/* Visit each file of the data set (name NULL: of all); says only whether it is there. */
WN_API WN_NODISCARD wn_status wn_data_list(const char *name, const char *folder, wn_data_visit visit, void *user);
/* Read each file of the data set, check size and SHA-256, visit each; the status of the first fault, after all were visited. */
WN_API WN_NODISCARD wn_status wn_data_verify(const char *name, const char *folder, wn_data_visit visit, void *user);

/* done and total in bytes; total 0 if not known. */
typedef void (*wn_data_progress)(void *user, const char *url, int64_t done, int64_t total);

/* Download what is missing, check it, unpack it into the data folder; an interrupted download is resumed. `from`: NULL for the official
 * address, or a folder or an URL that holds the same files (a mirror). Files that are already there and whole are kept. */
WN_API WN_NODISCARD wn_status wn_data_get(const char *name, const char *from, const char *folder, wn_data_progress progress, void *user);

/* ---- data of your own, where they lie: a folder, a list, ... */

/* The set that reads what lies at `path`, and its setting that names the path: `data: {set: SET, KEY: path}`. WN_EUSAGE: none does. Texts are static. */
WN_API WN_NODISCARD wn_status wn_data_recognise(const char *path, const char **set, const char **key);

/* The pictures at `path`, whatever they show: in and below a folder, as sets of pictures find them (names that end in .jpg, .jpeg, .png, .webp and such, sorted;
 * links are followed, hidden files left out); in a tar archive, or several as train-{0000..0127}.tar, those of such names; those that a list names (.txt, .tsv, ...: a path a line, and a label or none, which is
 * not read; relative to the list's folder); or the one file. Those in an archive come with their encoded bytes, others with bytes NULL. WN_EUNSUPPORTED: a file of
 * other data. Everything is borrowed for the call. */
typedef void (*wn_data_picture_visit)(void *user, const char *name, const void *bytes, size_t size);
WN_API WN_NODISCARD wn_status wn_data_pictures(const char *path, wn_data_picture_visit visit, void *user);

typedef struct wn_data_summary {
    const char *set; /* static */
    wn_input_kind input;
    wn_target_kind target;
    int channels, height, width, classes;
    int64_t train_count, validation_count, test_count; /* validation: a part of its own */
    int64_t passed_over;                               /* files that are no pictures by their names */
} wn_data_summary;
/* A class, in the order of numbers. Texts are borrowed for the call. */
typedef struct wn_data_class {
    const char *name;
    int64_t train, test; /* samples, training ones with the set's own validation part; -1: not of one class each */
} wn_data_class;
typedef void (*wn_data_class_visit)(void *user, const wn_data_class *item);
/* What lies at `path`, without reading a sample. set: `sets` settings of the set that reads it, "size=32"; visit may be NULL. */
WN_API WN_NODISCARD wn_status wn_data_look(const char *path, const char *const *set, int sets, wn_data_summary *summary,
                                           wn_data_class_visit visit, void *user);

/* Reads every sample, on all CPUs, and visits each that cannot be read; WN_EFORMAT if there are such. set, sets and visit: as above. */
typedef void (*wn_data_fault_visit)(void *user, const char *fault);
WN_API WN_NODISCARD wn_status wn_data_check(const char *path, const char *const *set, int sets, wn_data_fault_visit visit, void *user);

#ifdef __cplusplus
}
#endif
#endif
