# winnow bench infer: of a file, and of a network by name, which can be kept.
winnow bench infer resnet8 --sparsity 90% --threads 1 --runs 3 --out net.safetensors
winnow bench infer net.safetensors --threads 1 --runs 3 --batch 4 --json
winnow bench infer net.safetensors --runs 3 --kernels own --by-layer | tail -n 10
winnow inspect net.safetensors | grep 'conv1.weight ' | head -n 1
winnow bench infer net.safetensors --sparsity 80%
echo "exit code $?"
winnow bench infer --micro-batch 2
echo "exit code $?"
