/* C source: NAME.c and NAME.h in C99 that need nothing, allocate nothing and multiply by weights that are not zero only. Large weights are in NAME.bin, which
 * the caller hands over, or NAME.S makes a part of the program. The pieces of code are in src/exchange/c_source/. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"
#include "base/files.h"
#include "base/text.h"
#include "exchange/c_pieces.h"
#include "exchange/c_tables.h"
#include "exchange/format.h"
#include "io/jsonl.h"

enum { MOST_IN_SOURCE = 500000, NAME = 64 };

typedef struct writing {
    const wn__exported *network;
    char name[NAME], upper[NAME];
    bool simd, outside; /* outside: weights in a file of their own */
    wn__inference program;
    wn__c_layout layout;
    wn__c_tables tables;
    wn__text constants, calls, bytes; /* bytes: of that file */
    unsigned used;                    /* pieces, 1 << piece */
} writing;

enum { CONV, PHASES, BORDER, LINEAR, AFFINE, ADD, POOL, BOUND };

/* In identifiers of C, whatever the locale. */
static bool is_letter(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); }
static bool is_digit(char c) { return c >= '0' && c <= '9'; }

/* ---- numbers */

static void add_float(wn__text *t, float value)
{
    char number[WN__REAL_TEXT];
    wn__show_float(value, number);
    wn__text_add(t, strpbrk(number, ".e") ? "%sf" : "%s.0f", number);
}

static void begin_list(wn__text *t, const char *type, const char *prefix, int i)
{
    wn__text_add(t, "static const %s %s%d[] = {", type, prefix, i);
}

static void separate(wn__text *t, int64_t i, int64_t each) { wn__text_add(t, i % each ? ", " : i ? ",\n    " : "\n    "); }

static void add_floats(wn__text *t, const char *prefix, int i, const float *values, int64_t count)
{
    begin_list(t, "float", prefix, i);
    for (int64_t k = 0; k < count; k++) {
        separate(t, k, 8);
        add_float(t, values[k]);
    }
    wn__text_add(t, "};\n");
}

static void add_ints(wn__text *t, const char *type, const char *prefix, int i, const int64_t *values, int64_t count)
{
    begin_list(t, type, prefix, i);
    for (int64_t k = 0; k < count; k++) {
        separate(t, k, 16);
        wn__text_add(t, "%" PRId64, values[k]);
    }
    wn__text_add(t, "};\n");
}

/* ---- tables */

static bool short_places(const writing *w) { return w->tables.largest <= UINT16_MAX; }

/* Values, starts and places behind one another, each at a multiple of 4 bytes. */
static void add_bytes(writing *w, const void *data, size_t size)
{
    static const char zeros[4] = {0};
    wn__text_add_bytes(&w->bytes, data, size);
    if (w->bytes.size % 4) wn__text_add_bytes(&w->bytes, zeros, 4 - w->bytes.size % 4);
}

static wn_status add_int_bytes(writing *w, const int64_t *values, int64_t count, bool are_short)
{
    uint16_t *narrow = WN_NEW_ARRAY(uint16_t, count);
    int32_t *wide = WN_NEW_ARRAY(int32_t, count);
    const bool good = narrow && wide;
    for (int64_t k = 0; good && k < count; k++) {
        narrow[k] = (uint16_t)values[k];
        wide[k] = (int32_t)values[k];
    }
    if (good) add_bytes(w, are_short ? (void *)narrow : (void *)wide, (size_t)count * (are_short ? 2 : 4));
    wn__free(narrow);
    wn__free(wide);
    return good ? WN_OK : wn__no_memory((size_t)count * 4);
}

static void add_pointer(writing *w, const char *type, const char *prefix, int i)
{
    wn__text_add(&w->calls, "    const %s *const %s%d = (const %s *)(const void *)(bytes + %zu);\n", type, prefix, i, type, w->bytes.size);
}

static wn_status add_table(writing *w, int i)
{
    const wn__c_table *t = &w->tables.table[i];
    const int64_t stored = t->start[t->rows], shown = stored ? stored : 1;
    if (!w->outside) {
        add_floats(&w->constants, "w", i, t->value, shown);
        add_ints(&w->constants, "place", "p", i, t->at, shown);
        add_ints(&w->constants, "int", "r", i, t->start, t->rows + 1);
        return WN_OK;
    }
    add_pointer(w, "float", "w", i);
    add_bytes(w, t->value, (size_t)shown * sizeof *t->value);
    add_pointer(w, "place", "p", i);
    WN_TRY(add_int_bytes(w, t->at, shown, short_places(w)));
    add_pointer(w, "int", "r", i);
    return add_int_bytes(w, t->start, t->rows + 1, false);
}

/* ---- calls, one function for each kind of operation */

static void use(writing *w, int piece) { w->used |= 1u << piece; }

/* "low, high" */
static void add_bounds(writing *w, const wn__inference_op *op)
{
    wn__text_add(&w->calls, op->relu ? "0.0f, " : "-MOST, ");
    if (op->relu && op->most > 0)
        add_float(&w->calls, op->most);
    else
        wn__text_add(&w->calls, "MOST");
    wn__text_add(&w->calls, ");\n");
}

static void add_bias(writing *w, const wn__inference_op *op, int i)
{
    if (op->bias)
        wn__text_add(&w->calls, "b%d, ", i);
    else
        wn__text_add(&w->calls, "0, ");
}

static void call_conv(writing *w, const wn__inference_op *op, int i, const wn__c_tensor *in, const wn__c_tensor *out)
{
    const wn__node *n = op->node;
    const wn__c_phases *f = &w->layout.phases[i];
    use(w, CONV);
    if (!w->simd) {
        use(w, BOUND);
        wn__text_add(&w->calls, "    conv(m + %" PRId64 ", &s%d, &s%d, m + %" PRId64 ", %d, %d, %d, %d, w%d, p%d, r%d, ", in->first,
                     op->input[0], i, out->first, n->kernel_h, n->kernel_w, n->stride, n->pad, i, i, i);
        return;
    }
    if (f->room) {
        use(w, PHASES);
        wn__text_add(&w->calls,
                     "    phases(m + %" PRId64 ", &s%d, m + %" PRId64 ", %d, %d, %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ");\n",
                     in->first, op->input[0], f->first, n->stride, n->pad, f->ny, f->nx, f->rows, f->row);
    }
    const int64_t first = f->room ? f->first : in->first - n->pad * in->row - n->pad;
    wn__text_add(&w->calls, "    conv(m + %" PRId64 ", &s%d, m + %" PRId64 ", w%d, p%d, r%d, ", first, i, out->first, i, i, i);
}

static void call_linear(writing *w, const wn__inference_op *op, int i, const wn__c_tensor *in, const wn__c_tensor *out)
{
    use(w, LINEAR);
    use(w, BOUND);
    wn__text_add(&w->calls, "    linear(m + %" PRId64 ", m + %" PRId64 ", %" PRId64 ", %" PRId64 ", w%d, p%d, r%d, ", in->first, out->first,
                 op->c, out->plane, i, i, i);
}

static void call_affine(writing *w, const wn__inference_op *op, int i, const wn__c_tensor *in, const wn__c_tensor *out)
{
    use(w, AFFINE);
    use(w, BOUND);
    wn__text_add(&w->calls, "    affine(m + %" PRId64 ", &s%d, &s%d, m + %" PRId64 ", ", in->first, op->input[0], i, out->first);
    if (op->weight)
        wn__text_add(&w->calls, "w%d, ", i);
    else
        wn__text_add(&w->calls, "0, ");
}

static void call_add(writing *w, const wn__inference_op *op, int i, const wn__c_tensor *in, const wn__c_tensor *out)
{
    use(w, ADD);
    use(w, BOUND);
    wn__text_add(&w->calls, "    add(m + %" PRId64 ", &s%d, m + %" PRId64 ", &s%d, &s%d, m + %" PRId64 ", ", in->first, op->input[0],
                 w->layout.tensor[op->input[1]].first, op->input[1], i, out->first);
}

static void call_pool(writing *w, const wn__inference_op *op, int i, const wn__c_tensor *in, const wn__c_tensor *out)
{
    const wn__node *n = op->node;
    use(w, POOL);
    wn__text_add(&w->calls, "    pool(m + %" PRId64 ", &s%d, &s%d, m + %" PRId64 ", %d, %d, %d, %d, %d);\n", in->first, op->input[0], i,
                 out->first, n->kernel_h, n->kernel_w, n->stride, n->pad, n->kind->op == WN__OP_MAX_POOL);
}

static void call_border(writing *w, int i)
{
    const wn__c_tensor *t = &w->layout.tensor[i];
    if (!t->before) return;
    use(w, BORDER);
    wn__text_add(&w->calls, "    border(m + %" PRId64 ", &s%d, %" PRId64 ", %" PRId64 ");\n", t->first, i, t->before, t->after);
}

static void add_call(writing *w, int i)
{
    const wn__inference_op *op = &w->program.op[i];
    const wn__c_tensor *in = &w->layout.tensor[op->input[0]], *out = &w->layout.tensor[i];
    wn__text_add(&w->calls, "    /* %s */\n", op->node->name);
    const bool sum = op->inputs > 1;
    switch (op->node->kind->op) {
    case WN__OP_CONV: call_conv(w, op, i, in, out); break;
    case WN__OP_LINEAR: call_linear(w, op, i, in, out); break;
    case WN__OP_MAX_POOL:
    case WN__OP_AVG_POOL: call_pool(w, op, i, in, out); return;
    default: sum ? call_add(w, op, i, in, out) : call_affine(w, op, i, in, out); break;
    }
    if (!sum) add_bias(w, op, i);
    add_bounds(w, op);
}

/* ---- operations in order */

static void add_shape(writing *w, int i)
{
    const wn__inference_op *op = &w->program.op[i];
    const wn__c_tensor *t = &w->layout.tensor[i];
    wn__text_add(&w->constants, "static const shape s%d = {%" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 ", %" PRId64 "};\n", i, op->c,
                 op->h, op->w, t->row, t->plane);
}

/* The source has a shape of those tensors alone that a call names. */
static bool has_shape(const writing *w, int i)
{
    const wn__inference *p = &w->program;
    if (!i || p->op[i].node->kind->op != WN__OP_LINEAR) return true;
    for (int k = i + 1; k < p->ops; k++)
        for (int j = 0; j < p->op[k].inputs; j++)
            if (p->op[k].input[j] == i && p->op[k].node->kind->op != WN__OP_LINEAR) return true;
    return w->layout.tensor[i].before > 0;
}

static wn_status add_op(writing *w, int i)
{
    const wn__inference_op *op = &w->program.op[i];
    if (has_shape(w, i)) add_shape(w, i);
    if (op->bias) add_floats(&w->constants, "b", i, op->bias, op->c);
    if (w->tables.table[i].start)
        WN_TRY(add_table(w, i));
    else if (op->weight)
        add_floats(&w->constants, "w", i, op->weight, op->weights);
    return WN_OK;
}

static wn_status add_ops(writing *w)
{
    add_shape(w, 0);
    for (int i = 1; i < w->program.ops; i++)
        WN_TRY(add_op(w, i));
    wn__text_add(&w->calls, "    fetch(x, &s0, m + %" PRId64 ");\n", w->layout.tensor[0].first);
    call_border(w, 0);
    for (int i = 1; i < w->program.ops; i++) {
        add_call(w, i);
        call_border(w, i);
    }
    return w->constants.failed || w->calls.failed || w->bytes.failed ? wn__no_memory(w->constants.size) : WN_OK;
}

/* ---- the header */

/* A comment's text: no end of a comment in it. */
static void add_comment(wn__text *t, const char *text)
{
    for (const char *c = text; *c; c++)
        wn__text_add(t, "%c", *c == '/' && c > text && c[-1] == '*' ? '|' : *c == '\n' || *c == '\r' || *c == '\\' ? ' ' : *c);
}

static void add_string(wn__text *t, const char *text)
{
    wn__text_add(t, "\"");
    for (const unsigned char *c = (const unsigned char *)text; *c; c++)
        wn__text_add(
            t, is_letter((char)*c) || is_digit((char)*c) || *c == ' ' || *c == '_' || *c == '-' || *c == '.' || *c == ',' ? "%c" : "\\%03o",
            *c);
    wn__text_add(t, "\"");
}

static bool has_normalize(const writing *w)
{
    const wn__normalize *n = w->network->normalize;
    return n && n->kind != WN__NORMALIZE_NOTHING && w->network->graph->c <= WN__MAX_CHANNELS;
}

static void add_declarations(const writing *w, wn__text *t)
{
    const char *name = w->name;
    if (w->network->class_names) wn__text_add(t, "extern const char *const %s_classes[%s_OUTPUTS];\n\n", name, w->upper);
    if (has_normalize(w))
        wn__text_add(t,
                     "/* Bytes of a picture (channels, rows, columns) to inputs, as in training. */\n"
                     "void %s_normalize(const unsigned char *pixels, float *x);\n\n",
                     name);
    wn__text_add(
        t,
        "/* x: %s_INPUTS floats (channels, rows, columns); y: %s_OUTPUTS logits; scratch: %s_SCRATCH bytes at a multiple of 4, whatever is\n"
        " * in them%s. Calls with scratch memory of their own may run at once. */\n"
        "void %s_predict(const float *x, float *y, void *scratch%s);\n",
        w->upper, w->upper, w->upper, w->outside ? "; weights: the bytes of the .bin file, little-endian, at a multiple of 4" : "", name,
        w->outside ? ", const void *weights" : "");
    if (w->outside) wn__text_add(t, "extern const unsigned char %s_weights[]; /* where %s.S is part of the program */\n", name, name);
}

static void add_header(const writing *w, wn__text *t)
{
    const wn_graph *g = w->network->graph;
    const char *u = w->upper;
    wn__text_add(t, "/* ");
    add_comment(t, g->name);
    wn__text_add(t,
                 ": a network of %" PRId64 " weights that are not zero, of inputs (%" PRId64 ", %" PRId64 ", %" PRId64
                 "). Written by Winnow %s. */\n",
                 w->tables.stored, g->c, g->h, g->w, wn_version());
    wn__text_add(t, "#ifndef %s_H\n#define %s_H\n\n#ifdef __cplusplus\nextern \"C\" {\n#endif\n\n", u, u);
    wn__text_add(t, "#define %s_CHANNELS %" PRId64 "\n#define %s_ROWS %" PRId64 "\n#define %s_COLUMNS %" PRId64 "\n", u, g->c, u, g->h, u,
                 g->w);
    wn__text_add(t, "#define %s_INPUTS %" PRId64 "\n#define %s_OUTPUTS %" PRId64 "\n#define %s_SCRATCH %" PRId64 "L\n", u,
                 g->c * g->h * g->w, u, wn__graph_classes(g), u, 4 * w->layout.scratch);
    if (w->outside) wn__text_add(t, "#define %s_WEIGHTS %zuL /* bytes */\n", u, w->bytes.size);
    wn__text_add(t, "\n");
    add_declarations(w, t);
    wn__text_add(t, "\n#ifdef __cplusplus\n}\n#endif\n#endif\n");
}

/* ---- the source */

static void add_classes(const writing *w, wn__text *t)
{
    if (!w->network->class_names) return;
    wn__text_add(t, "const char *const %s_classes[%s_OUTPUTS] = {", w->name, w->upper);
    for (int64_t k = 0; k < wn__graph_classes(w->network->graph); k++) {
        separate(t, k, 4);
        add_string(t, w->network->class_names[k]);
    }
    wn__text_add(t, "};\n\n");
}

static void add_mean_std(const writing *w, wn__text *t, int64_t plane)
{
    const wn__normalize *n = w->network->normalize;
    const int64_t channels = w->network->graph->c;
    wn__text_add(t, "void %s_normalize(const unsigned char *pixels, float *x)\n{\n    static const float mean[] = {", w->name);
    for (int64_t c = 0; c < channels; c++) {
        wn__text_add(t, c ? ", " : "");
        add_float(t, n->mean[c]);
    }
    wn__text_add(t, "}, deviation[] = {");
    for (int64_t c = 0; c < channels; c++) {
        wn__text_add(t, c ? ", " : "");
        add_float(t, n->std[c]);
    }
    wn__text_add(t,
                 "};\n    long i;\n    for (i = 0; i < %s_INPUTS; i++)\n        x[i] = ((float)pixels[i] / 255.0f - mean[i / %" PRId64
                 "]) / deviation[i / %" PRId64 "];\n}\n\n",
                 w->upper, plane, plane);
}

static void add_per_image(const writing *w, wn__text *t)
{
    wn__text_add(t, "void %s_normalize(const unsigned char *pixels, float *x)\n{\n", w->name);
    wn__text_add(t, "    const double n = %s_INPUTS;\n    double mean = 0, square = 0, s = 1, least = 1;\n    long i;\n", w->upper);
    wn__text_add(t, "    for (i = 0; i < %s_INPUTS; i++)\n        mean += pixels[i] / 255.0 / n;\n", w->upper);
    wn__text_add(t, "    for (i = 0; i < %s_INPUTS; i++)\n        square += (pixels[i] / 255.0 - mean) * (pixels[i] / 255.0 - mean) / n;\n",
                 w->upper);
    wn__text_add(
        t,
        "    for (i = 0; i < 60; i++) { /* roots */\n        s = (s + square / s) / 2;\n        least = (least + 1 / n / least) / 2;\n    }\n");
    wn__text_add(
        t,
        "    if (s < least) s = least;\n    for (i = 0; i < %s_INPUTS; i++)\n        x[i] = (float)((pixels[i] / 255.0 - mean) / s);\n}\n\n",
        w->upper);
}

static void add_pieces(const writing *w, wn__text *t)
{
    const struct {
        int piece;
        const char *text;
    } pieces[] = {{BOUND, piece_bound},   {CONV, w->simd ? piece_conv_simd : piece_conv_small},
                  {PHASES, piece_phases}, {BORDER, piece_border},
                  {LINEAR, piece_linear}, {AFFINE, piece_affine},
                  {ADD, piece_add},       {POOL, piece_pool}};
    wn__text_add(t, "#define MOST 3.402823466e38f\n\ntypedef %s place;\n\n%s\n%s\n", short_places(w) ? "unsigned short" : "int",
                 piece_shape, piece_fetch);
    for (size_t i = 0; i < sizeof pieces / sizeof *pieces; i++)
        if (w->used & 1u << pieces[i].piece) wn__text_add(t, "%s\n", pieces[i].text);
}

static void add_source(const writing *w, const char *header, wn__text *t)
{
    const wn_graph *g = w->network->graph;
    const int last = w->program.output;
    wn__text_add(t, "/* See %s. Written by Winnow %s. */\n#include \"%s\"\n\n", header, wn_version(), header);
    add_pieces(w, t);
    add_classes(w, t);
    if (has_normalize(w) && w->network->normalize->kind == WN__NORMALIZE_PER_IMAGE)
        add_per_image(w, t);
    else if (has_normalize(w))
        add_mean_std(w, t, g->h * g->w);
    wn__text_add_bytes(t, w->constants.data, w->constants.size);
    wn__text_add(t, "\nvoid %s_predict(const float *x, float *y, void *scratch%s)\n{\n    float *const m = (float *)scratch;\n", w->name,
                 w->outside ? ", const void *weights" : "");
    if (w->outside) wn__text_add(t, "    const char *const bytes = (const char *)weights;\n");
    wn__text_add(t, "    long i;\n");
    wn__text_add_bytes(t, w->calls.data, w->calls.size);
    wn__text_add(t, "    for (i = 0; i < %s_OUTPUTS; i++)\n        y[i] = m[%" PRId64 " + i * %" PRId64 "];\n}\n", w->upper,
                 w->layout.tensor[last].first, w->layout.tensor[last].plane);
}

/* The bytes as a part of the program, for assemblers of GNU. */
static void add_assembly(const writing *w, const char *file, wn__text *t)
{
    wn__text_add(t, "    .section .rodata\n    .balign 64\n    .globl %s_weights\n%s_weights:\n    .incbin \"%s\"\n    .byte 0\n", w->name,
                 w->name, file);
    wn__text_add(t, "#if defined(__ELF__)\n    .section .note.GNU-stack,\"\",%%progbits\n#endif\n");
}

/* ---- files */

/* "a/b.c" of "a/b.c" or "a/b": with another ending. */
static wn_status path_of(const char *path, const char *ending, wn__text *out)
{
    const size_t length = strlen(path), stem = length > 2 && strcmp(path + length - 2, ".c") == 0 ? length - 2 : length;
    wn__text_add_bytes(out, path, stem);
    wn__text_add(out, "%s", ending);
    return out->failed ? wn__no_memory(out->size) : WN_OK;
}

static wn_status write_text(const char *path, const wn__text *t)
{
    return t->failed ? wn__no_memory(t->size) : wn__file_write(path, t->data, t->size);
}

static wn_status write_outside(const writing *w, const char *path)
{
    wn__text bin = {0}, assembly = {0}, text = {0};
    wn_status status = path_of(path, ".bin", &bin);
    if (status == WN_OK) status = path_of(path, ".S", &assembly);
    if (status == WN_OK) status = wn__file_write(bin.data, w->bytes.data, w->bytes.size);
    if (status == WN_OK) {
        add_assembly(w, wn__base_name(bin.data), &text);
        status = write_text(assembly.data, &text);
    }
    wn__text_release(&bin);
    wn__text_release(&assembly);
    wn__text_release(&text);
    return status;
}

/* What the source needs comes before it. */
static wn_status write_files(const writing *w, const char *path)
{
    wn__text source = {0}, header = {0}, text = {0}, head = {0};
    wn_status status = w->outside ? write_outside(w, path) : WN_OK;
    if (status == WN_OK) status = path_of(path, ".c", &source);
    if (status == WN_OK) status = path_of(path, ".h", &header);
    if (status == WN_OK) {
        add_header(w, &head);
        add_source(w, wn__base_name(header.data), &text);
        status = write_text(header.data, &head);
    }
    if (status == WN_OK) status = write_text(source.data, &text);
    wn__text_release(&source);
    wn__text_release(&header);
    wn__text_release(&text);
    wn__text_release(&head);
    return status;
}

/* ---- the whole */

/* An identifier: letters, digits and underscores, as given, or of the path. */
static wn_status take_name(writing *w, const char *name, const char *path)
{
    const char *base = name ? name : wn__base_name(path);
    size_t n = 0;
    for (; base[n] && (name || base[n] != '.') && n + 1 < NAME; n++) {
        const char c = base[n];
        const bool good = c == '_' || is_letter(c) || (n && is_digit(c));
        if (name && !good) return wn__fail(WN_EUSAGE, "name \"%s\": must be an identifier of C", name);
        w->name[n] = good ? c : '_';
        w->upper[n] = w->name[n] >= 'a' && w->name[n] <= 'z' ? (char)(w->name[n] - 'a' + 'A') : w->name[n];
    }
    if (name && base[n]) return wn__fail(WN_EUSAGE, "name \"%s\": at most %d letters", name, NAME - 1);
    return n ? WN_OK : wn__fail(WN_EUSAGE, "%s: gives no name for what the source defines; say one", path);
}

static wn_status take_target(writing *w, const char *target)
{
    w->simd = !target || strcmp(target, "simd") == 0;
    if (w->simd || strcmp(target, "small") == 0) return WN_OK;
    return wn__fail(WN_EUSAGE, "target \"%s\", must be simd or small", target);
}

static wn_status check_ops(const writing *w)
{
    static const bool known[WN__OPS] = {[WN__OP_CONV] = true, [WN__OP_LINEAR] = true,   [WN__OP_NORM] = true,
                                        [WN__OP_ADD] = true,  [WN__OP_MAX_POOL] = true, [WN__OP_AVG_POOL] = true};
    for (int i = 1; i < w->program.ops; i++) {
        const wn__node *n = w->program.op[i].node;
        if (!known[n->kind->op])
            return wn__fail(WN_EUNSUPPORTED, "%s: C source of Winnow has no %s; export to onnx", n->name, n->kind->name);
    }
    return WN_OK;
}

static wn_status write_program(writing *w, const wn__export_how *how, const char *path)
{
    WN_TRY(wn__inference_make(w->network->graph, w->network->params, false, &w->program));
    WN_TRY(check_ops(w));
    WN_TRY(wn__c_layout_make(&w->program, w->simd, &w->layout));
    WN_TRY(wn__c_tables_make(&w->program, &w->layout, w->simd, &w->tables));
    if (w->tables.largest > INT32_MAX || w->tables.stored > INT32_MAX)
        return wn__fail(WN_EUNSUPPORTED, "%s: too large for C source", w->network->graph->name);
    w->outside = w->tables.stored > (how->most_in_source ? how->most_in_source : MOST_IN_SOURCE);
    WN_TRY(add_ops(w));
    return write_files(w, path);
}

static wn_status write_c(const wn__exported *network, const wn__export_how *how, const char *path)
{
    writing w = {.network = network};
    WN_TRY(take_name(&w, how->name, path));
    WN_TRY(take_target(&w, how->target));
    const wn_status status = write_program(&w, how, path);
    wn__inference_release(&w.program);
    wn__c_layout_release(&w.layout);
    wn__c_tables_release(&w.tables);
    wn__text_release(&w.constants);
    wn__text_release(&w.calls);
    wn__text_release(&w.bytes);
    return status;
}

const wn__export_format wn__format_c = {
    .name = "c",
    .summary = "C99 source that needs nothing else",
    .takes = WN__EXPORT_TARGET | WN__EXPORT_NAME | WN__EXPORT_MOST_IN_SOURCE,
    .write = write_c,
};
