#include "data/image_files.h"

static const char *const classes[] = {
    "apple",       "aquarium_fish", "baby",         "bear",       "beaver",       "bed",        "bee",         "beetle",   "bicycle",
    "bottle",      "bowl",          "boy",          "bridge",     "bus",          "butterfly",  "camel",       "can",      "castle",
    "caterpillar", "cattle",        "chair",        "chimpanzee", "clock",        "cloud",      "cockroach",   "couch",    "crab",
    "crocodile",   "cup",           "dinosaur",     "dolphin",    "elephant",     "flatfish",   "forest",      "fox",      "girl",
    "hamster",     "house",         "kangaroo",     "keyboard",   "lamp",         "lawn_mower", "leopard",     "lion",     "lizard",
    "lobster",     "man",           "maple_tree",   "motorcycle", "mountain",     "mouse",      "mushroom",    "oak_tree", "orange",
    "orchid",      "otter",         "palm_tree",    "pear",       "pickup_truck", "pine_tree",  "plain",       "plate",    "poppy",
    "porcupine",   "possum",        "rabbit",       "raccoon",    "ray",          "road",       "rocket",      "rose",     "sea",
    "seal",        "shark",         "shrew",        "skunk",      "skyscraper",   "snail",      "snake",       "spider",   "squirrel",
    "streetcar",   "sunflower",     "sweet_pepper", "table",      "tank",         "telephone",  "television",  "tiger",    "tractor",
    "train",       "trout",         "tulip",        "turtle",     "wardrobe",     "whale",      "willow_tree", "wolf",     "woman",
    "worm"};

/* The last is the Python version, whose files unpack to the same records (io/cifar_pickle.h). */
#define PLACES(file)                                                                                                       \
    (const char *const[])                                                                                                  \
    {                                                                                                                      \
        "cifar-100/" file ".bin", "cifar-100-binary/" file ".bin", "cifar100/" file ".bin", "cifar-100-python/" file, NULL \
    }

static const wn__data_file files[] = {{PLACES("train"), 153700000, "f31298fc616915fa142368359df1c4ca2ae984d6915ca468b998a5ec6aeebf29"},
                                      {PLACES("test"), 30740000, "d8b1e6b7b3bee4020055f0699b111f60b1af1e262aeb93a0b659061746f8224a"},
                                      {0}};

static const wn__data_source sources[] = {{"https://www.cs.toronto.edu/~kriz/cifar-100-binary.tar.gz", 168513733,
                                           "58a81ae192c23a4be8b1804d68e518ed807d710a4eb253b1f2a199162a40d8ec", true},
                                          {0}};

static wn_status open_files(const wn__dataset_type *type, const void *config, const char *folder, wn__pool *pool, wn__dataset *out)
{
    (void)config;
    return wn__open_cifar_files(type, &wn__cifar100_layout, folder, pool, out);
}

const wn__dataset_type wn__dataset_cifar100 = {
    .name = "cifar100",
    .summary = "photographs of objects in 100 fine classes, 32x32 colour (Krizhevsky 2009)",
    .license = "not stated; the publisher asks for citation",
    .facts = {.sample = {.channels = 3, .height = 32, .width = 32, .classes = 100, .class_names = classes},
              .train_count = 50000,
              .test_count = 10000},
    .mean = {0.5071f, 0.4865f, 0.4409f},
    .std = {0.2673f, 0.2564f, 0.2762f},
    .files = files,
    .sources = sources,
    .open = open_files,
};
