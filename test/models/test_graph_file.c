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
    const wn_status status = wn__graph_file_read(path, NULL, cifar, &g);
    wn_graph_free(g);
    close(fd);
    remove(path);
    return status;
}

TEST(example_is_the_network_it_says)
{
    wn_graph *g;
    CHECK_OK(wn__graph_file_read(EXAMPLE, NULL, cifar, &g));
    CHECK_EQ_TEXT(wn_graph_name(g), "tiny-resnet");
    CHECK_EQ_INT(wn_graph_parameter_count(g), 432 + 2 * 2304 + 3 * 32 + 4608 + 64 + 330);
    CHECK_EQ_INT(wn__graph_classes(g), 10);
    wn_graph_free(g);
}

static int64_t parameters_at(double width)
{
    wn_graph *g;
    CHECK_OK(wn__graph_file_read(EXAMPLE, &(wn__graph_file_config){width}, cifar, &g));
    const int64_t count = wn_graph_parameter_count(g);
    CHECK_EQ_INT(wn__graph_classes(g), 10);
    wn_graph_free(g);
    return count;
}

/* 16, 16, 16 and 32 channels with shortcuts; the last layer has as many outputs as there are classes. */
TEST(a_width_multiplies_all_channels_but_the_last)
{
    CHECK_EQ_INT(parameters_at(1), 432 + 2 * 2304 + 3 * 32 + 4608 + 64 + 330);
    CHECK_EQ_INT(parameters_at(2), 864 + 2 * 9216 + 3 * 64 + 18432 + 128 + 650);
    CHECK_EQ_INT(parameters_at(0.5), 216 + 2 * 576 + 3 * 16 + 1152 + 32 + 170);
    CHECK_EQ_INT(parameters_at(0.01), 27 + 2 * 9 + 3 * 2 + 9 + 2 + 20); /* at least one */
    const char *text = "nodes:\n  - conv: {name: a, out: 6, kernel: 1}\n  - conv: {name: d, out: 12, kernel: 3, groups: 6}\n"
                       "  - global_pool\n  - linear: {name: fc, out: 7}\n";
    char path[] = "/tmp/wn_graph_file_XXXXXX";
    const int fd = mkstemp(path);
    wn_graph *g;
    CHECK(fd >= 0);
    CHECK_OK(wn__file_write(path, text, strlen(text)));
    CHECK_OK(wn__graph_file_read(path, &(wn__graph_file_config){1.5}, cifar, &g));
    CHECK_EQ_INT(wn_graph_parameter_count(g), 3 * 9 + 18 * 9 + 18 * 7 + 7); /* 9 channels, each on its own with two filters */
    CHECK_EQ_INT(wn__graph_classes(g), 7);
    wn_graph_free(g);
    close(fd);
    remove(path);
}

TEST(a_relu_may_have_an_upper_bound)
{
    char path[] = "/tmp/wn_graph_file_XXXXXX";
    const char *text = "nodes:\n  - relu: {max: 6}\n  - relu\n  - global_pool\n";
    const int fd = mkstemp(path);
    wn_graph *g;
    CHECK(fd >= 0);
    CHECK_OK(wn__file_write(path, text, strlen(text)));
    CHECK_OK(wn__graph_file_read(path, NULL, cifar, &g));
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
    CHECK_OK(wn__graph_file_read(path, NULL, cifar, &g));
    CHECK_EQ_INT(wn_graph_parameter_count(g), 81 + 30);
    wn_graph_free(g);
    close(fd);
    remove(path);
}

int main(int argc, char **argv)
{
    static const wn_test tests[] = {RUN(example_is_the_network_it_says),          RUN(a_width_multiplies_all_channels_but_the_last),
                                    RUN(a_relu_may_have_an_upper_bound),          RUN(unknown_kind_is_an_error_with_its_place),
                                    RUN(unknown_key_lists_the_valid_ones),        RUN(missing_name_is_an_error),
                                    RUN(from_must_name_an_earlier_node),          RUN(shapes_that_do_not_fit_name_their_node),
                                    RUN(shared_nodes_have_one_set_of_parameters), {0}};
    return wn_test_main(argc, argv, tests);
}
