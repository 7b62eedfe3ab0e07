#include "io/pickle.h"

#include <string.h>

#include "base/alloc.h"
#include "base/fail.h"

enum { MOST_VALUES = 1 << 22, MARK = -1 };

/* The machine: a stack of values, of which some are kept under numbers (the memo) to be used again. */
typedef struct machine {
    const char *label;
    const uint8_t *at, *end;
    size_t size;
    const wn__pickle_global *globals;
    int global_count;
    wn__pickle pickle;
    int32_t *stack, *memo;
    int64_t depth, kept;
} machine;

static wn_status damaged(const machine *m, const char *what) { return wn__fail(WN_EFORMAT, "%s: damaged pickle (%s)", m->label, what); }

/* --- bytes ----------------------------------------------------------------------------------------------------------------------- */

static wn_status take(machine *m, uint64_t count, const uint8_t **bytes)
{
    if (count > (uint64_t)(m->end - m->at)) return damaged(m, "it ends too early");
    *bytes = m->at;
    m->at += count;
    return WN_OK;
}

static wn_status take_number(machine *m, int bytes, uint64_t *number)
{
    const uint8_t *at;
    WN_TRY(take(m, (uint64_t)bytes, &at));
    *number = 0;
    for (int i = 0; i < bytes; i++)
        *number |= (uint64_t)at[i] << (8 * i);
    return WN_OK;
}

static wn_status take_line(machine *m, const char **text, size_t *size)
{
    const uint8_t *end = memchr(m->at, '\n', (size_t)(m->end - m->at));
    if (!end) return damaged(m, "a line does not end");
    *text = (const char *)m->at;
    *size = (size_t)(end - m->at);
    m->at = end + 1;
    return WN_OK;
}

/* --- values and stack ------------------------------------------------------------------------------------------------------------ */

static wn__pickle_value *value_at(machine *m, int32_t index) { return &m->pickle.values[index]; }

static wn_status push_index(machine *m, int32_t index)
{
    WN_TRY(wn__make_room(&m->stack, m->depth, sizeof *m->stack));
    m->stack[m->depth++] = index;
    return WN_OK;
}

static wn_status make_value(machine *m, wn__pickle_value value, int32_t *index)
{
    wn__pickle *p = &m->pickle;
    if (p->count == MOST_VALUES) return wn__fail(WN_EUNSUPPORTED, "%s: pickle of more than %d values", m->label, MOST_VALUES);
    WN_TRY(wn__make_room(&p->values, p->count, sizeof *p->values));
    p->values[p->count] = value;
    *index = (int32_t)p->count++;
    return WN_OK;
}

static wn_status push(machine *m, wn__pickle_value value)
{
    int32_t index;
    WN_TRY(make_value(m, value, &index));
    return push_index(m, index);
}

static wn_status push_number(machine *m, wn__pickle_kind kind, int64_t number)
{
    return push(m, (wn__pickle_value){.kind = kind, .number = number});
}

static wn_status pop(machine *m, int32_t *index)
{
    if (m->depth == 0 || m->stack[m->depth - 1] == MARK) return damaged(m, "the stack is empty");
    *index = m->stack[--m->depth];
    return WN_OK;
}

/* Values above the last mark: how many; they stay where they are until the stack is cut. */
static wn_status find_mark(const machine *m, int64_t *above)
{
    for (*above = 0; *above < m->depth; ++*above)
        if (m->stack[m->depth - 1 - *above] == MARK) return WN_OK;
    return damaged(m, "no mark");
}

static wn_status top(machine *m, wn__pickle_kind kind, int32_t *index)
{
    if (m->depth == 0 || m->stack[m->depth - 1] == MARK) return damaged(m, "the stack is empty");
    *index = m->stack[m->depth - 1];
    return value_at(m, *index)->kind == kind ? WN_OK : damaged(m, "a value of another kind was expected");
}

static wn_status add_items(machine *m, int32_t to, const int32_t *items, int64_t count)
{
    wn__pickle_value *v = value_at(m, to);
    for (int64_t i = 0; i < count; i++) {
        WN_TRY(wn__make_room(&v->item, v->items, sizeof *v->item));
        v->item[v->items++] = items[i];
    }
    return WN_OK;
}

/* The top `count` values become the items of a new one, which takes their place and that of `marks` marks below. */
static wn_status collect(machine *m, wn__pickle_kind kind, int64_t number, int64_t count, int64_t marks)
{
    int32_t index;
    if (count > m->depth) return damaged(m, "the stack is empty");
    const int32_t *items = m->stack + m->depth - count;
    for (int64_t i = 0; i < count; i++)
        if (items[i] == MARK) return damaged(m, "a mark among values");
    WN_TRY(make_value(m, (wn__pickle_value){.kind = kind, .number = number}, &index));
    WN_TRY(add_items(m, index, items, count));
    m->depth -= count + marks;
    return push_index(m, index);
}

static wn_status collect_to_mark(machine *m, wn__pickle_kind kind)
{
    int64_t count;
    WN_TRY(find_mark(m, &count));
    return collect(m, kind, 0, count, 1);
}

/* Values above the mark, or the top `count` where that is not negative, are added to the list or dictionary below. */
static wn_status add_to(machine *m, wn__pickle_kind kind, int64_t count)
{
    const int marks = count < 0 ? 1 : 0;
    if (marks) WN_TRY(find_mark(m, &count));
    if (count + marks >= m->depth) return damaged(m, "the stack is empty");
    const int32_t *items = m->stack + m->depth - count, to = items[-marks - 1];
    if (to == MARK || value_at(m, to)->kind != kind || (kind == WN__PICKLE_DICT && count % 2 != 0))
        return damaged(m, "items are added to another kind of value");
    for (int64_t i = 0; i < count; i++)
        if (items[i] == MARK) return damaged(m, "a mark among values");
    WN_TRY(add_items(m, to, items, count));
    m->depth -= count + marks;
    return WN_OK;
}

/* --- numbers and text ------------------------------------------------------------------------------------------------------------ */

static wn_status push_int(machine *m, int bytes)
{
    uint64_t number;
    WN_TRY(take_number(m, bytes, &number));
    return push_number(m, WN__PICKLE_INT, bytes == 4 ? (int32_t)(uint32_t)number : (int64_t)number);
}

/* Two's complement of as many bytes as a count before it says. */
static wn_status push_long(machine *m, int count_bytes)
{
    uint64_t count;
    const uint8_t *bytes;
    WN_TRY(take_number(m, count_bytes, &count));
    WN_TRY(take(m, count, &bytes));
    const bool negative = count > 0 && (bytes[count - 1] & 0x80);
    if (count > 8) return push_number(m, WN__PICKLE_INT, negative ? INT64_MIN : INT64_MAX);
    uint64_t number = negative ? UINT64_MAX : 0;
    for (uint64_t i = count; i-- > 0;)
        number = number << 8 | bytes[i];
    return push_number(m, WN__PICKLE_INT, (int64_t)number);
}

/* Big-endian. */
static wn_status push_float(machine *m)
{
    const uint8_t *bytes;
    uint64_t bits = 0;
    wn__pickle_value value = {.kind = WN__PICKLE_FLOAT};
    WN_TRY(take(m, 8, &bytes));
    for (int i = 0; i < 8; i++)
        bits = bits << 8 | bytes[i];
    memcpy(&value.real, &bits, sizeof bits);
    return push(m, value);
}

static wn_status push_text(machine *m, int count_bytes)
{
    uint64_t count;
    const uint8_t *bytes;
    WN_TRY(take_number(m, count_bytes, &count));
    WN_TRY(take(m, count, &bytes));
    return push(m, (wn__pickle_value){.kind = WN__PICKLE_TEXT, .text = (const char *)bytes, .text_size = (size_t)count});
}

/* --- names and calls ------------------------------------------------------------------------------------------------------------- */

static bool is_text(const char *text, size_t size, const char *wanted) { return strlen(wanted) == size && memcmp(text, wanted, size) == 0; }

/* For a message: whatever a hostile name holds. */
static const char *shown(const char *text, size_t size, char buffer[64])
{
    size_t n = 0;
    for (; n < size && n < 63; n++)
        buffer[n] = text[n] >= ' ' && text[n] <= '~' ? text[n] : '?';
    buffer[n] = 0;
    return buffer;
}

static wn_status push_global(machine *m, const char *module, size_t module_size, const char *name, size_t name_size)
{
    char module_text[64], name_text[64];
    for (int i = 0; i < m->global_count; i++)
        if (is_text(module, module_size, m->globals[i].module) && is_text(name, name_size, m->globals[i].name))
            return push_number(m, WN__PICKLE_GLOBAL, i);
    return wn__fail(
        WN_EUNSUPPORTED,
        "%s: the pickle asks for '%s.%s', which is not read: no code is run; valid: tensors, dictionaries, lists, tuples, numbers, text",
        m->label, shown(module, module_size, module_text), shown(name, name_size, name_text));
}

static wn_status global_of_lines(machine *m)
{
    const char *module, *name;
    size_t module_size, name_size;
    WN_TRY(take_line(m, &module, &module_size));
    WN_TRY(take_line(m, &name, &name_size));
    return push_global(m, module, module_size, name, name_size);
}

static wn_status global_of_stack(machine *m)
{
    int32_t module, name;
    WN_TRY(pop(m, &name));
    WN_TRY(pop(m, &module));
    const wn__pickle_value *a = value_at(m, module), *b = value_at(m, name);
    if (a->kind != WN__PICKLE_TEXT || b->kind != WN__PICKLE_TEXT) return damaged(m, "a name is no text");
    return push_global(m, a->text, a->text_size, b->text, b->text_size);
}

static wn_status call(machine *m)
{
    int32_t arguments, function;
    WN_TRY(top(m, WN__PICKLE_TUPLE, &arguments));
    m->depth--;
    WN_TRY(top(m, WN__PICKLE_GLOBAL, &function));
    m->depth--;
    const int64_t which = value_at(m, function)->number;
    if (m->globals[which].makes_dict && value_at(m, arguments)->items == 0) return push(m, (wn__pickle_value){.kind = WN__PICKLE_DICT});
    WN_TRY(push_index(m, arguments));
    return collect(m, WN__PICKLE_CALL, which, 1, 0);
}

/* Attributes of an ordered dictionary (PyTorch keeps versions of modules there) are passed over. */
static wn_status set_attributes(machine *m)
{
    int32_t attributes, object;
    WN_TRY(pop(m, &attributes));
    if (m->depth == 0 || m->stack[m->depth - 1] == MARK) return damaged(m, "the stack is empty");
    object = m->stack[m->depth - 1];
    const wn__pickle_value *v = value_at(m, object);
    if (v->kind == WN__PICKLE_CALL && m->globals[v->number].takes_state && v->items == 1) return add_items(m, object, &attributes, 1);
    return top(m, WN__PICKLE_DICT, &object);
}

/* --- memo ------------------------------------------------------------------------------------------------------------------------ */

static wn_status keep(machine *m, uint64_t number)
{
    if (m->depth == 0 || m->stack[m->depth - 1] == MARK) return damaged(m, "the stack is empty");
    if (number >= m->size) return damaged(m, "a number of the memo is larger than the pickle");
    for (; m->kept <= (int64_t)number; m->kept++) {
        WN_TRY(wn__make_room(&m->memo, m->kept, sizeof *m->memo));
        m->memo[m->kept] = MARK;
    }
    m->memo[number] = m->stack[m->depth - 1];
    return WN_OK;
}

static wn_status keep_under(machine *m, int bytes)
{
    uint64_t number;
    WN_TRY(take_number(m, bytes, &number));
    return keep(m, number);
}

static wn_status push_kept(machine *m, int bytes)
{
    uint64_t number;
    WN_TRY(take_number(m, bytes, &number));
    if (number >= (uint64_t)m->kept || m->memo[number] == MARK) return damaged(m, "nothing is kept under a number of the memo");
    return push_index(m, m->memo[number]);
}

/* --- the machine ----------------------------------------------------------------------------------------------------------------- */

static wn_status skip(machine *m, uint64_t count)
{
    const uint8_t *bytes;
    return take(m, count, &bytes);
}

/* Operations that make or gather values (Lib/pickletools.py has all of them). */
static wn_status step_structure(machine *m, uint8_t code)
{
    switch (code) {
    case '(': return push_index(m, MARK);
    case ')': return push(m, (wn__pickle_value){.kind = WN__PICKLE_TUPLE});
    case ']': return push(m, (wn__pickle_value){.kind = WN__PICKLE_LIST});
    case '}': return push(m, (wn__pickle_value){.kind = WN__PICKLE_DICT});
    case 't': return collect_to_mark(m, WN__PICKLE_TUPLE);
    case 0x85: return collect(m, WN__PICKLE_TUPLE, 0, 1, 0);
    case 0x86: return collect(m, WN__PICKLE_TUPLE, 0, 2, 0);
    case 0x87: return collect(m, WN__PICKLE_TUPLE, 0, 3, 0);
    case 'a': return add_to(m, WN__PICKLE_LIST, 1);
    case 'e': return add_to(m, WN__PICKLE_LIST, -1);
    case 's': return add_to(m, WN__PICKLE_DICT, 2);
    case 'u': return add_to(m, WN__PICKLE_DICT, -1);
    case 'c': return global_of_lines(m);
    case 0x93: return global_of_stack(m);
    case 'R': return call(m);
    case 'b': return set_attributes(m);
    case 'Q': return collect(m, WN__PICKLE_PERSISTENT, 0, 1, 0);
    case 'q': return keep_under(m, 1);
    case 'r': return keep_under(m, 4);
    case 0x94: return keep(m, (uint64_t)m->kept);
    case 'h': return push_kept(m, 1);
    case 'j': return push_kept(m, 4);
    default:
        return wn__fail(WN_EUNSUPPORTED, "%s: operation 0x%02x of pickles is not read: torch.save does not write it for tensors", m->label,
                        code);
    }
}

static wn_status step(machine *m, uint8_t code)
{
    switch (code) {
    case 0x80: return skip(m, 1); /* protocol */
    case 0x95: return skip(m, 8); /* length of a frame */
    case 'N': return push_number(m, WN__PICKLE_NONE, 0);
    case 0x88: return push_number(m, WN__PICKLE_BOOL, 1);
    case 0x89: return push_number(m, WN__PICKLE_BOOL, 0);
    case 'K': return push_int(m, 1);
    case 'M': return push_int(m, 2);
    case 'J': return push_int(m, 4);
    case 0x8A: return push_long(m, 1);
    case 0x8B: return push_long(m, 4);
    case 'G': return push_float(m);
    case 'U':
    case 'C':
    case 0x8C: return push_text(m, 1);
    case 'T':
    case 'B':
    case 'X': return push_text(m, 4);
    case 0x8D:
    case 0x8E: return push_text(m, 8);
    default: return step_structure(m, code);
    }
}

static wn_status run(machine *m)
{
    for (;;) {
        const uint8_t *code;
        WN_TRY(take(m, 1, &code));
        if (*code == '.') break;
        WN_TRY(step(m, *code));
    }
    WN_TRY(pop(m, &m->pickle.root));
    return m->depth == 0 ? WN_OK : damaged(m, "values are left on the stack");
}

wn_status wn__pickle_read(const char *label, const uint8_t *bytes, size_t size, const wn__pickle_global *globals, int global_count,
                          wn__pickle *out)
{
    machine m = {.label = label, .at = bytes, .end = bytes + size, .size = size, .globals = globals, .global_count = global_count};
    const wn_status status = run(&m);
    wn__free(m.stack);
    wn__free(m.memo);
    if (status == WN_OK)
        *out = m.pickle;
    else
        wn__pickle_release(&m.pickle);
    return status;
}

void wn__pickle_release(wn__pickle *pickle)
{
    for (int64_t i = 0; i < pickle->count; i++)
        wn__free(pickle->values[i].item);
    wn__free(pickle->values);
    *pickle = (wn__pickle){0};
}
