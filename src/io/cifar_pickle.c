#include "io/cifar_pickle.h"

#include <inttypes.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "io/cifar.h"
#include "io/pickle.h"

/* numpy's own names for an array of bytes; newer releases of numpy call the first one's module otherwise. */
enum { RECONSTRUCT, RECONSTRUCT_NEW, ARRAY, TYPE, GLOBALS };
static const wn__pickle_global globals[GLOBALS] = {
    [RECONSTRUCT] = {.module = "numpy.core.multiarray", .name = "_reconstruct", .takes_state = true},
    [RECONSTRUCT_NEW] = {.module = "numpy._core.multiarray", .name = "_reconstruct", .takes_state = true},
    [ARRAY] = {.module = "numpy", .name = "ndarray"},
    [TYPE] = {.module = "numpy", .name = "dtype", .takes_state = true}};

typedef wn__pickle_value value;
typedef struct batch {
    const char *label;
    wn__pickle pickle;
    const value *pixels;    /* text of rows x WN__CIFAR_PIXELS bytes */
    bool by_column;         /* Fortran's order */
    const value *labels[2]; /* lists of (rows): those that are first in a record first; the second NULL for CIFAR-10 */
    int64_t rows;
} batch;

static wn_status foreign(const batch *b, const char *what)
{
    return wn__fail(WN_EFORMAT, "%s: is no batch of CIFAR's Python version (%s)", b->label, what);
}

static const value *item_of(const batch *b, const value *v, int64_t i) { return &b->pickle.values[v->item[i]]; }
static bool is_text(const value *v, const char *text)
{
    return v->kind == WN__PICKLE_TEXT && v->text_size == strlen(text) && memcmp(v->text, text, v->text_size) == 0;
}

/* NULL: there is none. */
static const value *find(const batch *b, const char *key)
{
    const value *root = &b->pickle.values[b->pickle.root];
    for (int64_t i = 0; root->kind == WN__PICKLE_DICT && i + 1 < root->items; i += 2)
        if (is_text(item_of(b, root, i), key)) return item_of(b, root, i + 1);
    return NULL;
}

/* dtype("u1", ...): one byte an element, without sign. */
static bool is_bytes(const batch *b, const value *type)
{
    if (type->kind != WN__PICKLE_CALL || type->number != TYPE) return false;
    const value *arguments = item_of(b, type, 0);
    return arguments->items > 0 && (is_text(item_of(b, arguments, 0), "u1") || is_text(item_of(b, arguments, 0), "|u1"));
}

/* _reconstruct(ndarray, (0,), "b") with the state (version, shape, type, Fortran's order, bytes). */
static wn_status read_array(batch *b, const value *array)
{
    if (!array || array->kind != WN__PICKLE_CALL || array->number > RECONSTRUCT_NEW || array->items != 2)
        return foreign(b, "it has no array \"data\"");
    const value *state = item_of(b, array, 1);
    if (state->kind != WN__PICKLE_TUPLE || state->items != 5) return foreign(b, "an array of another form");
    const value *shape = item_of(b, state, 1), *order = item_of(b, state, 3);
    b->pixels = item_of(b, state, 4);
    if (shape->kind != WN__PICKLE_TUPLE || shape->items != 2 || order->kind != WN__PICKLE_BOOL || b->pixels->kind != WN__PICKLE_TEXT ||
        !is_bytes(b, item_of(b, state, 2)))
        return foreign(b, "\"data\" is no table of bytes");
    b->rows = item_of(b, shape, 0)->number;
    b->by_column = order->number;
    if (item_of(b, shape, 1)->number != WN__CIFAR_PIXELS || b->rows < 1 || (uint64_t)b->rows > b->pixels->text_size / WN__CIFAR_PIXELS ||
        b->pixels->text_size != (size_t)b->rows * WN__CIFAR_PIXELS)
        return foreign(b, "rows of \"data\" are not 3072 bytes");
    return WN_OK;
}

static wn_status read_labels(batch *b)
{
    b->labels[0] = find(b, "labels");
    if (!b->labels[0]) {
        b->labels[0] = find(b, "coarse_labels");
        b->labels[1] = find(b, "fine_labels");
        if (!b->labels[0] || !b->labels[1]) return foreign(b, "it has neither \"labels\" nor \"coarse_labels\" and \"fine_labels\"");
    }
    for (int k = 0; k < 2 && b->labels[k]; k++) {
        if (b->labels[k]->kind != WN__PICKLE_LIST || b->labels[k]->items != b->rows)
            return foreign(b, "there are not as many labels as rows");
        for (int64_t i = 0; i < b->rows; i++) {
            const value *label = item_of(b, b->labels[k], i);
            if (label->kind != WN__PICKLE_INT || label->number < 0 || label->number > 255) return foreign(b, "a label is no small number");
        }
    }
    return WN_OK;
}

static wn_status write_records(const batch *b, int64_t limit, char **data, size_t *size)
{
    const int64_t labels = b->labels[1] ? 2 : 1, record = labels + WN__CIFAR_PIXELS;
    const uint8_t *pixels = (const uint8_t *)b->pixels->text;
    if (b->rows > limit / record) return wn__fail(WN_EFORMAT, "%s: unpacks to more than the expected %" PRId64 " bytes", b->label, limit);
    *size = (size_t)(b->rows * record);
    uint8_t *out = wn__alloc(*size + 1);
    *data = (char *)out;
    if (!out) return wn__no_memory(*size);
    for (int64_t i = 0; i < b->rows; i++) {
        for (int64_t k = 0; k < labels; k++)
            *out++ = (uint8_t)item_of(b, b->labels[k], i)->number;
        for (int64_t j = 0; j < WN__CIFAR_PIXELS; j++)
            *out++ = pixels[b->by_column ? j * b->rows + i : i * WN__CIFAR_PIXELS + j];
    }
    return WN_OK;
}

/* Protocol 2, a dictionary that is kept. */
bool wn__is_cifar_pickle(const void *bytes, size_t count) { return count >= WN__CIFAR_PICKLE_MAGIC && memcmp(bytes, "\x80\x02}q", 4) == 0; }

wn_status wn__cifar_unpickle(const char *label, const void *bytes, size_t count, int64_t limit, char **data, size_t *size)
{
    batch b = {.label = label};
    WN_TRY(wn__pickle_read(label, bytes, count, globals, GLOBALS, &b.pickle));
    wn_status status = read_array(&b, find(&b, "data"));
    if (status == WN_OK) status = read_labels(&b);
    if (status == WN_OK) status = write_records(&b, limit, data, size);
    wn__pickle_release(&b.pickle);
    return status;
}
