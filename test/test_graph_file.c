#include "base/files.h"
#include "models/graph_file.h"
#include "nn/graph_nodes.h"
#include <unistd.h>

#include "test.h"

#define EXAMPLE WN_TEST_SOURCE "/../examples/models/tiny-resnet.yaml"

static const wn__model_input cifar = {3, 32, 32, 10};

/* Reads `text` as a network; the status, and the message in wn_error_message(). */
static wn_status read_text(const char *text)
{
    char path[] = "/tmp/wn_graph_file_XXXXXX";
    const int fd = mkstemp(path);
    CHECK(fd >= 0);
    CHECK_OK(wn__file_write(path, text, strlen(text)));
    wn_graph *g = NULL;
    const wn_status status = wn__graph_file_read(path, cifar, &g);
    wn_graph_free(g);
    close(fd);
    remove(path);
    return status;
}

TEST(example_is_the_network_it_says)
{
    wn_graph *g;
    CHECK_OK(wn__graph_file_read(EXAMPLE, cifar, &g));
    CHECK_EQ_TEXT(wn_graph_name(g), "tiny-resnet");
    CHECK_EQ_INT(wn_graph_parameter_count(g), 432 + 2 * 2304 + 3 * 32 + 4608 + 64 + 330);
    CHECK_EQ_INT(wn__graph_classes(g), 10);
    wn_graph_free(g);
}

TEST(a_relu_may_have_an_upper_bound)
{
    char path[] = "/tmp/wn_graph_file_XXXXXX";
    const char *text = "nodes:\n  - relu: {max: 6}\n  - relu\n  - global_pool\n";
    const int fd = mkstemp(path);
    wn_graph *g;
    CHECK(fd >= 0);
    CHECK_OK(wn__file_write(path, text, strlen(text)));
    CHECK_OK(wn__graph_file_read(path, cifar, &g));
    CHECK_EQ_INT((int)g->node[1].most, 6);
    CHECK_EQ_INT((int)g->node[2].most, 0);
    wn_graph_free(g);
    close(fd);
    remove(path);
    CHECK_EQ_INT(read_text("nodes:\n  - relu: {max: -6}\n"), WN_EUSAGE);
}

TEST(unknown_kind_is_an_error_with_its_place)
{
    CHECK_EQ_INT(read_text("nodes:\n  - conv: {name: a, out: 4, kernel: 3}\n  - softmax\n"), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), ":3:5: ");
    CHECK_HAS_TEXT(wn_error_message(), "softmax");
    CHECK_HAS_TEXT(wn_error_message(), "batch_norm");
}

TEST(unknown_key_lists_the_valid_ones)
{
    CHECK_EQ_INT(read_text("nodes:\n  - conv: {name: a, out: 4, kernl: 3}\n"), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "kernl");
    CHECK_HAS_TEXT(wn_error_message(), "kernel");
}

TEST(missing_name_is_an_error)
{
    CHECK_EQ_INT(read_text("nodes:\n  - conv: {out: 4, kernel: 3}\n"), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "needs `name`");
}

TEST(from_must_name_an_earlier_node)
{
    CHECK_EQ_INT(read_text("nodes:\n  - relu: {as: a}\n  - add: {from: [a, later]}\n  - relu: {as: later}\n"), WN_EUSAGE);
    CHECK_HAS_TEXT(wn_error_message(), "later");
    CHECK_HAS_TEXT(wn_error_message(), ":3:");
}

TEST(shapes_that_do_not_fit_name_their_node)
{
    CHECK_EQ_INT(read_text("nodes:\n  - conv: {name: a, out: 4, kernel: 99}\n"), WN_EINVAL);
    CHECK_HAS_TEXT(wn_error_message(), ":2:5: ");
    CHECK_HAS_TEXT(wn_error_message(), "too small");
}

TEST(shared_nodes_have_one_set_of_parameters)
{
    const char *text = "nodes:\n  - conv: {name: a, out: 3, kernel: 3, pad: 1}\n  - conv: {name: b, out: 3, kernel: 3, pad: 1, share: a}\n"
                       "  - global_pool\n  - linear: {name: fc, out: classes, bias: false}\n";
    char path[] = "/tmp/wn_graph_file_XXXXXX";
    const int fd = mkstemp(path);
    wn_graph *g;
    CHECK_OK(wn__file_write(path, text, strlen(text)));
    CHECK_OK(wn__graph_file_read(path, cifar, &g));
    CHECK_EQ_INT(wn_graph_parameter_count(g), 81 + 30);
    wn_graph_free(g);
    close(fd);
    remove(path);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(example_is_the_network_it_says),
                                    RUN(a_relu_may_have_an_upper_bound),
                                    RUN(unknown_kind_is_an_error_with_its_place),
                                    RUN(unknown_key_lists_the_valid_ones),
                                    RUN(missing_name_is_an_error),
                                    RUN(from_must_name_an_earlier_node),
                                    RUN(shapes_that_do_not_fit_name_their_node),
                                    RUN(shared_nodes_have_one_set_of_parameters),
                                    {0}};
    return wn_test_main(argc, argv, tests);
}
