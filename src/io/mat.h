/* MATLAB's files (version 5, as MATLAB 5 to 7 write them): an array of structs, of whose fields texts and numbers are read. */
#ifndef WN_IO_MAT_H
#define WN_IO_MAT_H

#include "winnow/core.h"

typedef struct wn__mat_value {
    int type;            /* of the data, as the format numbers types; 0: neither text nor numbers */
    const uint8_t *data; /* inside the file's bytes, or memory */
    size_t size;
} wn__mat_value;

typedef struct wn__mat_structs {
    char *memory;      /* what was unpacked; NULL: nothing was packed */
    const char *field; /* (fields) names of field_size bytes each, ended by 0 */
    size_t field_size;
    int64_t fields, count;
    wn__mat_value *value; /* (count, fields) */
} wn__mat_structs;

/* The first array of structs in the file; bytes are borrowed while the result is used. WN_EFORMAT: damaged, or there is none; WN_EUNSUPPORTED: of another
 * version. */
wn_status wn__mat_read_structs(const char *label, const void *bytes, size_t size, wn__mat_structs *out);
void wn__mat_release(wn__mat_structs *s); /* accepts a zeroed one; also after a failure */

int64_t wn__mat_field(const wn__mat_structs *s, const char *name); /* -1: there is none */
/* false: it is no single number; no text of fewer than `room` letters of ASCII. */
bool wn__mat_number(const wn__mat_value *v, double *number);
bool wn__mat_text(const wn__mat_value *v, char *text, size_t room);

#endif
