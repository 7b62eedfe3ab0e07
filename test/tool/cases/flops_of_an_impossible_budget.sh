winnow flops lenet5 --sparsity 0.0005d --distribution erk
