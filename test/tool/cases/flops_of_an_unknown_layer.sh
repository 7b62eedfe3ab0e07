winnow flops resnet20 --sparsity 90% --layer layer9=50%
