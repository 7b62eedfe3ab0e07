#include "data/image_files.h"

static const char *const classes[] = {"0", "1", "2", "3", "4", "5", "6", "7", "8", "9"};

#define PLACES(file) \
    (const char *const[]) { "mnist/" file, "MNIST/raw/" file, "MNIST/" file, NULL }

static const wn__data_file files[] = {
    {PLACES("train-images-idx3-ubyte"), 47040016, "ba891046e6505d7aadcbbe25680a0738ad16aec93bde7f9b65e87a2fc25776db"},
    {PLACES("train-labels-idx1-ubyte"), 60008, "65a50cbbf4e906d70832878ad85ccda5333a97f0f4c3dd2ef09a8a9eef7101c5"},
    {PLACES("t10k-images-idx3-ubyte"), 7840016, "0fa7898d509279e482958e8ce81c8e77db3f2f8254e26661ceb7762c4d494ce7"},
    {PLACES("t10k-labels-idx1-ubyte"), 10008, "ff7bcfd416de33731a308c3f266cc351222c34898ecbeaf847f06e48f7ec33f2"},
    {0}};

#define SOURCE "https://ossci-datasets.s3.amazonaws.com/mnist/"

static const wn__data_source sources[] = {
    {SOURCE "train-images-idx3-ubyte.gz", 9912422, "440fcabf73cc546fa21475e81ea370265605f56be210a4024d2ca8f203523609", false},
    {SOURCE "train-labels-idx1-ubyte.gz", 28881, "3552534a0a558bbed6aed32b30c495cca23d567ec52cac8be1a0730e8010255c", false},
    {SOURCE "t10k-images-idx3-ubyte.gz", 1648877, "8d422c7b0a1c1c79245a5bcf07fe86e33eeafee792b84584aec276f5a2dbc4e6", false},
    {SOURCE "t10k-labels-idx1-ubyte.gz", 4542, "f7ae60f92e00ec6debd23a6088c31dbd2371eca3ffa0defaefb259924204aec6", false},
    {0}};

const wn__dataset_type wn__dataset_mnist = {
    .name = "mnist",
    .summary = "handwritten digits, 28x28 gray (LeCun, Cortes, Burges 1998)",
    .license = "not stated by the publishers",
    .facts = {.sample = {.channels = 1, .height = 28, .width = 28, .classes = 10, .class_names = classes},
              .train_count = 60000,
              .test_count = 10000},
    .mean = {0.1307f},
    .std = {0.3081f},
    .files = files,
    .sources = sources,
    .open = wn__open_idx_files,
};
