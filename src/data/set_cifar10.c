#include "data/image_files.h"

static const char *const classes[] = {"airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};

/* The last is the Python version, whose files unpack to the same records (io/cifar_pickle.h). */
#define PLACES(file)                                                                                                            \
    (const char *const[])                                                                                                       \
    {                                                                                                                           \
        "cifar-10/" file ".bin", "cifar-10-batches-bin/" file ".bin", "cifar10/" file ".bin", "cifar-10-batches-py/" file, NULL \
    }

static const wn__data_file files[] = {
    {PLACES("data_batch_1"), 30730000, "cee916563c9f80d84e3cc88e17fdc0941787f1244f00a67874d45b261883ada5"},
    {PLACES("data_batch_2"), 30730000, "a591ca11fa1708a91ee40f54b3da4784ccd871ecf2137de63f51ada8b3fa57ed"},
    {PLACES("data_batch_3"), 30730000, "bbe8596564c0f86427f876058170b84dac6670ddf06d79402899d93ceea26f67"},
    {PLACES("data_batch_4"), 30730000, "014e562d6e23c72197cc727519169a60359f5eccd8945ad5a09d710285ff4e48"},
    {PLACES("data_batch_5"), 30730000, "755304fc0b379caeae8c14f0dac912fbc7d6cd469eb67a1029a08a39453a9add"},
    {PLACES("test_batch"), 30730000, "8e2eb146ae340b09e24670f29cabc6326dba54da8789dab6768acf480273f65b"},
    {0}};

static const wn__data_source sources[] = {{"https://www.cs.toronto.edu/~kriz/cifar-10-binary.tar.gz", 170052171,
                                           "c4a38c50a1bc5f3a1c5537f2155ab9d68f9f25eb1ed8d9ddda3db29a59bca1dd", true},
                                          {0}};

static wn_status open_files(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *out)
{
    (void)config;
    return wn__open_cifar_files(type, &wn__cifar10_layout, folder, pool, out);
}

const wn__dataset_type wn__dataset_cifar10 = {
    .name = "cifar10",
    .summary = "photographs of objects, 32x32 colour (Krizhevsky 2009)",
    .license = "not stated; the publisher asks for citation",
    .facts = {.sample = {.channels = 3, .height = 32, .width = 32, .classes = 10, .class_names = classes},
              .train_count = 50000,
              .test_count = 10000},
    .mean = {0.4914f, 0.4822f, 0.4465f},
    .std = {0.2470f, 0.2435f, 0.2616f},
    .files = files,
    .sources = sources,
    .open = open_files,
};
