/* Arrays of numbers in files of NumPy (npz: by name, npy: the one) and, by name, in safetensors files. */
#ifndef WN_IO_ARRAY_FILE_H
#define WN_IO_ARRAY_FILE_H

#include "winnow/core.h"

enum { WN__ARRAY_DIMS = 4 };

typedef struct wn__array {
    char kind;     /* 'u' unsigned, 'i' signed, 'f' floating (4 or 8 bytes), 'b' truth values */
    int item_size; /* bytes of an element */
    int dims;      /* 1 to 4 */
    int64_t dim[WN__ARRAY_DIMS];
    void *data; /* in C order; owned; NULL: its shape alone was asked for */
} wn__array;

/* Whether a name ends as such files do: .npz, .npy, .safetensors. */
bool wn__array_file_name(const char *path);
bool wn__array_file_of_one(const char *path); /* .npy: the array has no name */
/* WN_EFORMAT: not there, damaged, not of 1 to 4 sizes, or of other elements. Release with wn__array_release. */
wn_status wn__array_read(const char *path, const char *name, bool shape_alone, wn__array *out);
void wn__array_release(wn__array *array);                   /* accepts a zeroed one */
int64_t wn__array_row(const wn__array *array);              /* elements of one of dim[0] */
int64_t wn__array_int(const wn__array *array, int64_t i);   /* of kinds u, i, b */
double wn__array_number(const wn__array *array, int64_t i); /* of any kind */

#endif
