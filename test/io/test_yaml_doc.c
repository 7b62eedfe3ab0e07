#include "base/alloc.h"
#include "io/yaml_doc.h"
#include "test.h"

static wn__yaml *parse(const char *text)
{
    wn__yaml *doc = NULL;
    CHECK_OK(wn__yaml_parse("r.yaml", text, strlen(text), &doc));
    return doc;
}

static void check_refused(const char *text, const char *message)
{
    wn__yaml *doc = NULL;
    CHECK_STATUS(wn__yaml_parse("r.yaml", text, strlen(text), &doc), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), message);
}

/* Whether two trees are equal in kinds, texts and quoting. */
static bool equal(const wn__yaml_node *a, const wn__yaml_node *b)
{
    if (wn__yaml_kind_of(a) != wn__yaml_kind_of(b) || wn__yaml_count(a) != wn__yaml_count(b)) return false;
    if (wn__yaml_is_null(a) || wn__yaml_is_null(b)) return wn__yaml_is_null(a) == wn__yaml_is_null(b);
    if (wn__yaml_kind_of(a) == WN__YAML_SCALAR)
        return strcmp(wn__yaml_text(a), wn__yaml_text(b)) == 0 && wn__yaml_quoted(a) == wn__yaml_quoted(b);
    for (int i = 0; i < wn__yaml_count(a); i++) {
        if (wn__yaml_kind_of(a) == WN__YAML_MAPPING && !equal(wn__yaml_key(a, i), wn__yaml_key(b, i))) return false;
        if (!equal(wn__yaml_child(a, i), wn__yaml_child(b, i))) return false;
    }
    return true;
}

TEST(tree_knows_kinds_texts_and_places)
{
    wn__yaml *doc = parse("name: x\ntrain:\n  epochs: 10   # comment\n  at: [1, \"2\"]\nnothing:\n");
    const wn__yaml_node *root = wn__yaml_root(doc), *train = wn__yaml_find(root, "train"), *at = wn__yaml_find(train, "at");
    CHECK_EQ_INT(wn__yaml_count(root), 3);
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(train, "epochs")), "10");
    CHECK_EQ_INT(wn__yaml_line(wn__yaml_find(train, "epochs")), 3);
    CHECK_EQ_INT(wn__yaml_column(wn__yaml_find(train, "epochs")), 11);
    CHECK_EQ_INT(wn__yaml_line(wn__yaml_key(train, 1)), 4);
    CHECK_EQ_INT(wn__yaml_column(wn__yaml_key(train, 1)), 3);
    CHECK_EQ_INT(wn__yaml_kind_of(at), WN__YAML_SEQUENCE);
    CHECK_EQ_INT(wn__yaml_count(at), 2);
    CHECK(!wn__yaml_quoted(wn__yaml_child(at, 0)) && wn__yaml_quoted(wn__yaml_child(at, 1)));
    CHECK(wn__yaml_is_null(wn__yaml_find(root, "nothing")));
    CHECK(wn__yaml_find(root, "absent") == NULL);
    CHECK(wn__yaml_find(at, "absent") == NULL);
    CHECK_EQ_TEXT(wn__yaml_source(at), "r.yaml");
    wn__yaml_fail(WN_EUSAGE, at, "unknown key '%s'", "at");
    CHECK_EQ_TEXT(wn_error_message(), "r.yaml:4:7: unknown key 'at'");
    wn__yaml_free(doc);
}

TEST(empty_text_is_an_empty_mapping)
{
    wn__yaml *doc = parse("# nothing but this\n");
    CHECK_EQ_INT(wn__yaml_kind_of(wn__yaml_root(doc)), WN__YAML_MAPPING);
    CHECK_EQ_INT(wn__yaml_count(wn__yaml_root(doc)), 0);
    wn__yaml_free(doc);
}

TEST(faults_carry_file_line_and_column)
{
    check_refused("a: 1\nb: [1, 2\nc: 3\n", "r.yaml:3:");
    check_refused("a: 1\nb: 2\na: 3\n", "r.yaml:3:1: key 'a' is given twice, first in line 1");
    check_refused("x:\n  b: 2\n  ? [1]\n  : 3\n", "r.yaml:3:5: a key must be a plain value");
    check_refused("a: 1\n~: 2\n", "r.yaml:2:1: an empty key");
    check_refused("a: *gone\n", "r.yaml:1:4");
    check_refused("a: 1\n---\nb: 2\n", "r.yaml:3:1: a second document");
    check_refused("a: \"x\\0y\"\n", "NUL");
    check_refused("a: \xff\n", "r.yaml");
    check_refused("\ta: 1\n", "r.yaml:1:1");
}

TEST(aliases_are_unfolded)
{
    wn__yaml *doc = parse("a: &x {k: [1, 2]}\nb: *x\n");
    const wn__yaml_node *root = wn__yaml_root(doc), *a = wn__yaml_find(root, "a"), *b = wn__yaml_find(root, "b");
    CHECK(a != b && equal(a, b));
    CHECK_OK(wn__yaml_set(doc, "b.k.0", "9"));
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_child(wn__yaml_find(a, "k"), 0)), "1");
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_child(wn__yaml_find(b, "k"), 0)), "9");
    wn__yaml_free(doc);
}

TEST(merge_keys_add_what_is_not_named)
{
    wn__yaml *doc = parse("x-base: &x {k: 1, l: 2}\nx-more: &y {l: 3, m: 4}\na: {<<: *x, l: 5}\nb: {k: 0, <<: [*x, *y]}\nc: {'<<': 6}\n");
    const wn__yaml_node *root = wn__yaml_root(doc), *a = wn__yaml_find(root, "a"), *b = wn__yaml_find(root, "b");
    CHECK_EQ_INT(wn__yaml_count(root), 3);
    CHECK(wn__yaml_find(root, "x-base") == NULL);
    CHECK_EQ_INT(wn__yaml_count(a), 2);
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(a, "k")), "1");
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(a, "l")), "5");
    CHECK_EQ_INT(wn__yaml_count(b), 3);
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(b, "k")), "0");
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(b, "l")), "2");
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(b, "m")), "4");
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(wn__yaml_find(root, "c"), "<<")), "6");
    wn__yaml_free(doc);
    check_refused("a: {<<: 1}\n", "r.yaml:1:9: \"<<\" wants a mapping or a list of mappings");
    check_refused("a: {<<: [1]}\n", "\"<<\" wants");
}

TEST(alias_bombs_and_loops_are_refused)
{
    check_refused("a: &a [1,1,1,1,1,1,1,1,1]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\n"
                  "d: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\nf: [*e,*e,*e,*e,*e,*e,*e,*e,*e]\n",
                  "100,000 nodes");
    check_refused("a: &a [*a]\n", "64 levels");
    char deep[2 * 100 + 1];
    memset(deep, '[', 100);
    memset(deep + 100, ']', 100);
    deep[200] = 0;
    check_refused(deep, "64 levels");
}

TEST(set_replaces_makes_and_picks)
{
    wn__yaml *doc = parse("train: {epochs: 10}\nlist: [a, b]\nempty:\n");
    const wn__yaml_node *root = wn__yaml_root(doc);
    CHECK_OK(wn__yaml_set(doc, "train.epochs", "20"));
    CHECK_OK(wn__yaml_set(doc, "train.lr.step", "{base: 0.1, at: [90ep]}"));
    CHECK_OK(wn__yaml_set(doc, "list.1", "c"));
    CHECK_OK(wn__yaml_set(doc, "empty.x", "33%"));
    CHECK_OK(wn__yaml_set(doc, "nothing", ""));
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(wn__yaml_find(root, "train"), "epochs")), "20");
    const wn__yaml_node *step = wn__yaml_find(wn__yaml_find(wn__yaml_find(root, "train"), "lr"), "step");
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(step, "base")), "0.1");
    CHECK_EQ_TEXT(wn__yaml_source(step), "--set train.lr.step={base: 0.1, at: [90ep]}");
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_child(wn__yaml_find(root, "list"), 1)), "c");
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(wn__yaml_find(root, "empty"), "x")), "33%");
    CHECK(wn__yaml_is_null(wn__yaml_find(root, "nothing")));
    CHECK_STATUS(wn__yaml_set(doc, "train.epochs.x", "1"), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "--set train.epochs.x=1: 'x' lies under a value");
    CHECK_STATUS(wn__yaml_set(doc, "list.2", "1"), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "list of 2 (0 to 1)");
    CHECK_STATUS(wn__yaml_set(doc, "train..x", "1"), WN_EUSAGE);
    CHECK_OK(wn__yaml_set(doc, "train.\"a.b\".c", "1")); /* a key with a dot */
    CHECK_OK(wn__yaml_set(doc, "'p.q'", "2"));
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(wn__yaml_find(wn__yaml_find(wn__yaml_root(doc), "train"), "a.b"), "c")), "1");
    CHECK_EQ_TEXT(wn__yaml_text(wn__yaml_find(wn__yaml_root(doc), "p.q")), "2");
    CHECK_STATUS(wn__yaml_set(doc, "train.'a.b", "1"), WN_EUSAGE);
    CHECK_STATUS(wn__yaml_set(doc, "train.'a.b'c", "1"), WN_EUSAGE);
    CHECK_STATUS(wn__yaml_set(doc, "train.''", "1"), WN_EUSAGE);
    CHECK_STATUS(wn__yaml_set(doc, "", "1"), WN_EUSAGE);
    CHECK_STATUS(wn__yaml_set(doc, "train.x", "[1"), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "--set train.x=[1:");
    wn__yaml_free(doc);
}

TEST(written_text_reads_back_equal)
{
    wn__yaml *doc = parse(
        "name: 'it''s'\nn: [1, \"2\", -0.5, 33%, 're:^conv']\nm: {a: {b: []}, c: {}}\nz:\nlist: [[1, 2], {x: y}, ~]\n"
        "text: |\n  two\n  lines\nodd: \"a: b # c\"\nlong: aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa "
        "aaaa aaaa aaaa aaaa aaaa aaaa aaaa aaaa\n\"quoted key\": 1\nunicode: \xc3\xa9\n");
    wn__text out = {0}, again = {0};
    CHECK_OK(wn__yaml_emit(wn__yaml_root(doc), &out));
    wn__yaml *back = parse(out.data);
    CHECK(equal(wn__yaml_root(doc), wn__yaml_root(back)));
    CHECK_OK(wn__yaml_emit(wn__yaml_root(back), &again));
    CHECK_EQ_TEXT(again.data, out.data);
    wn__text_release(&out);
    wn__text_release(&again);
    wn__yaml_free(doc);
    wn__yaml_free(back);
}

TEST(written_text_is_plain)
{
    wn__yaml *doc = parse("{name: x, train: {epochs: 10, at: [90ep, 135ep]}}");
    wn__text out = {0};
    CHECK_OK(wn__yaml_emit(wn__yaml_root(doc), &out));
    CHECK_EQ_TEXT(out.data, "name: x\ntrain:\n  epochs: 10\n  at: [90ep, 135ep]\n");
    wn__text_release(&out);
    wn__yaml_free(doc);
}

TEST(running_out_of_memory_is_reported)
{
    static const char text[] = "a: &x [1, {k: v}]\nb: *x\n";
    for (int n = 1;; n++) {
        wn__yaml *doc = NULL;
        wn__alloc_fail_at(n);
        wn_status status = wn__yaml_parse("r.yaml", text, strlen(text), &doc);
        if (status == WN_OK) status = wn__yaml_set(doc, "c.d", "[3]");
        wn__alloc_fail_at(0);
        wn__yaml_free(doc);
        if (status == WN_OK) break;
        CHECK_EQ_INT(status, WN_ENOMEM);
        CHECK(n < 200);
    }
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(tree_knows_kinds_texts_and_places),
                                    RUN(empty_text_is_an_empty_mapping),
                                    RUN(faults_carry_file_line_and_column),
                                    RUN(aliases_are_unfolded),
                                    RUN(merge_keys_add_what_is_not_named),
                                    RUN(alias_bombs_and_loops_are_refused),
                                    RUN(set_replaces_makes_and_picks),
                                    RUN(written_text_reads_back_equal),
                                    RUN(written_text_is_plain),
                                    RUN(running_out_of_memory_is_reported),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
