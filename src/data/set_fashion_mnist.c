#include "data/image_files.h"

static const char *const classes[] = {"T-shirt/top", "trouser", "pullover", "dress", "coat",
                                      "sandal",      "shirt",   "sneaker",  "bag",   "ankle boot"};

#define PLACES(file) \
    (const char *const[]) { "fashion-mnist/" file, "FashionMNIST/raw/" file, "FashionMNIST/" file, NULL }

static const wn__data_file files[] = {
    {PLACES("train-images-idx3-ubyte"), 47040016, "c59f468a2f672dc815687fe0f83887768d799fd8a3f3276145d20f83aa44d888"},
    {PLACES("train-labels-idx1-ubyte"), 60008, "bad3541b69d912435c50bb6ba87bec294ff4f6a2e1246121d8633921760443d9"},
    {PLACES("t10k-images-idx3-ubyte"), 7840016, "5b4141f0afbad91edebe8549f8fcffe087ea10ca49f1dbef5c9a5cd8815ce37b"},
    {PLACES("t10k-labels-idx1-ubyte"), 10008, "0402a96d92fd2663957122ceb108a494c5af83dab82d92729df917d7dec38c34"},
    {0}};

#define SOURCE "http://fashion-mnist.s3-website.eu-central-1.amazonaws.com/"

static const wn__data_source sources[] = {
    {SOURCE "train-images-idx3-ubyte.gz", 26421880, "3aede38d61863908ad78613f6a32ed271626dd12800ba2636569512369268a84", false},
    {SOURCE "train-labels-idx1-ubyte.gz", 29515, "a04f17134ac03560a47e3764e11b92fc97de4d1bfaf8ba1a3aa29af54cc90845", false},
    {SOURCE "t10k-images-idx3-ubyte.gz", 4422102, "346e55b948d973a97e58d2351dde16a484bd415d4595297633bb08f03db6a073", false},
    {SOURCE "t10k-labels-idx1-ubyte.gz", 5148, "67da17c76eaffca5446c3361aaab5c3cd6d1c2608764d35dfb1850b086bf8dd5", false},
    {0}};

const wn__dataset_type wn__dataset_fashion_mnist = {
    .name = "fashion-mnist",
    .summary = "articles of clothing, 28x28 gray (arXiv:1708.07747)",
    .license = "MIT",
    .facts = {.sample = {.channels = 1, .height = 28, .width = 28, .classes = 10, .class_names = classes},
              .train_count = 60000,
              .test_count = 10000},
    .mean = {0.2860f},
    .std = {0.3530f},
    .files = files,
    .sources = sources,
    .open = wn__open_idx_files,
};
