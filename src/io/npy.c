#include "io/npy.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

/* ---- the header: magic, version, length, then a Python dictionary as text */

enum { MOST_HEADER = 4096 };

static wn_status bad_header(const char *label, const char *what) { return wn__fail(WN_EFORMAT, "%s: %s", label, what); }

/* What stands behind 'key': in the dictionary. */
static const char *value_of(const char *header, const char *key)
{
    char quoted[32];
    snprintf(quoted, sizeof quoted, "'%s':", key);
    const char *at = strstr(header, quoted);
    if (!at) return NULL;
    at += strlen(quoted);
    return at + strspn(at, " ");
}

static wn_status read_type(const char *label, const char *header, wn__npy_shape *s)
{
    const char *descr = value_of(header, "descr");
    char order, kind;
    if (!descr || sscanf(descr, "'%c%c%d'", &order, &kind, &s->item_size) != 3 || s->item_size < 1 || s->item_size > 8)
        return bad_header(label, "its header names no type of element");
    if (!strchr("uifb", kind)) return bad_header(label, "its elements are no numbers");
    if (order == '>' && s->item_size > 1) return bad_header(label, "its numbers are big-endian, which is not supported");
    s->kind = kind;
    const char *fortran = value_of(header, "fortran_order");
    if (!fortran || strncmp(fortran, "False", 5) != 0) return bad_header(label, "it is not in C order");
    return WN_OK;
}

static wn_status read_shape(const char *label, const char *header, wn__npy_shape *s)
{
    const char *at = value_of(header, "shape");
    if (!at || *at != '(') return bad_header(label, "its header has no shape");
    s->bytes = s->item_size;
    for (at++; *at && *at != ')'; at += strspn(at, ", ")) {
        char *end;
        const long long size = strtoll(at, &end, 10);
        if (end == at || size < 1 || s->dims == WN__NPY_DIMS || s->bytes > INT64_MAX / 2 / size)
            return bad_header(label, "its shape is not one of 1 to 4 sizes");
        s->dim[s->dims++] = size;
        s->bytes *= size;
        at = end;
    }
    return *at == ')' && s->dims > 0 ? WN_OK : bad_header(label, "its shape is not one of 1 to 4 sizes");
}

wn_status wn__npy_header(const char *label, wn__npy_more more, void *user, wn__npy_shape *out)
{
    unsigned char start[12];
    char header[MOST_HEADER + 1];
    *out = (wn__npy_shape){0};
    WN_TRY(more(user, 10, start));
    if (memcmp(start, "\x93NUMPY", 6) != 0) return bad_header(label, "is no npy array");
    int64_t length = start[8] | start[9] << 8;
    if (start[6] >= 2) { /* four bytes of length */
        WN_TRY(more(user, 2, start + 10));
        length |= (int64_t)start[10] << 16 | (int64_t)start[11] << 24;
    }
    if (length > MOST_HEADER) return bad_header(label, "its header is too long");
    WN_TRY(more(user, length, header));
    header[length] = 0;
    WN_TRY(read_type(label, header, out));
    return read_shape(label, header, out);
}

/* ---- a file of one array */

typedef struct npy_file {
    const char *path;
    FILE *file;
} npy_file;

static wn_status read_more(void *user, int64_t count, void *out)
{
    const npy_file *f = user;
    if (fread(out, 1, (size_t)count, f->file) == (size_t)count) return WN_OK;
    return ferror(f->file) ? wn__fail_errno("%s", f->path) : wn__fail(WN_EFORMAT, "%s: is truncated, or no npy array", f->path);
}

/* The size is asked of the file before memory is taken. */
static wn_status read_elements(npy_file *f, const wn__npy_shape *s, void **data)
{
    const long header = ftell(f->file);
    if (header < 0 || fseek(f->file, 0, SEEK_END) != 0) return wn__fail_errno("%s", f->path);
    const int64_t there = (int64_t)ftell(f->file) - header;
    if (there != s->bytes)
        return wn__fail(WN_EFORMAT, "%s: has %lld bytes of elements, its shape wants %lld", f->path, (long long)there, (long long)s->bytes);
    if (!data) return WN_OK;
    if (fseek(f->file, header, SEEK_SET) != 0) return wn__fail_errno("%s", f->path);
    if (!(*data = wn__alloc((size_t)s->bytes))) return wn__no_memory((size_t)s->bytes);
    const wn_status status = read_more(f, s->bytes, *data);
    if (status == WN_OK) return WN_OK;
    wn__free(*data);
    *data = NULL;
    return status;
}

wn_status wn__npy_read(const char *path, wn__npy_shape *shape, void **data)
{
    npy_file f = {path, fopen(path, "rb")};
    if (!f.file) return wn__fail_errno("%s", path);
    wn_status status = wn__npy_header(path, read_more, &f, shape);
    if (status == WN_OK) status = read_elements(&f, shape, data);
    fclose(f.file);
    return status;
}
