#include <stdlib.h>
#include <string.h>

#include "fuzz.h"
#include "io/yaml_doc.h"

static bool equal(const wn__yaml_node *a, const wn__yaml_node *b)
{
    if (wn__yaml_kind_of(a) != wn__yaml_kind_of(b) || wn__yaml_count(a) != wn__yaml_count(b)) return false;
    if (wn__yaml_is_null(a) && wn__yaml_is_null(b)) return true;
    if (wn__yaml_kind_of(a) == WN__YAML_SCALAR) return strcmp(wn__yaml_text(a), wn__yaml_text(b)) == 0;
    for (int i = 0; i < wn__yaml_count(a); i++) {
        if (wn__yaml_kind_of(a) == WN__YAML_MAPPING && !equal(wn__yaml_key(a, i), wn__yaml_key(b, i))) return false;
        if (!equal(wn__yaml_child(a, i), wn__yaml_child(b, i))) return false;
    }
    return true;
}

/* What is read can be written, and reads back equal. */
static void check_round_trip(const wn__yaml *doc)
{
    wn__text text = {0};
    wn__yaml *back = NULL;
    if (wn__yaml_emit(wn__yaml_root(doc), &text) != WN_OK) abort();
    if (wn__yaml_parse("written", text.data, text.size, &back) != WN_OK) abort();
    if (!equal(wn__yaml_root(doc), wn__yaml_root(back))) abort();
    wn__yaml_free(back);
    wn__text_release(&text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    wn__yaml *doc;
    if (wn__yaml_parse("input", (const char *)data, size, &doc) != WN_OK) return 0;
    check_round_trip(doc);
    if (wn__yaml_set(doc, "train.0.epochs", "[10, {a: b}]") == WN_OK) check_round_trip(doc);
    wn__yaml_free(doc);
    return 0;
}
