/* One line per data set; each names wn__dataset_<name> in a file of its own. */
WN_DATASET(shapes)
WN_DATASET(mnist)
WN_DATASET(fashion_mnist)
WN_DATASET(cifar10)
WN_DATASET(cifar100)
WN_DATASET(cifar5m)
WN_DATASET(folder)
WN_DATASET(list)
