winnow flops wrn-22-2 --classes 100 --image 32x32x3 --sparsity 90% --distribution erk --method rigl --json | grep -oE '"train_flops_ratio": 0[0-9.]{1,9}' | head -1
winnow flops resnet20 --sparsity 90% --distribution erk --method rigl set small-dense
winnow flops lenet5 --image 28x28x3 --distribution list --layer 'fc*=90%' --layer conv1=0.5 --json | grep -o '"dense_params": [0-9]*' | head -1
