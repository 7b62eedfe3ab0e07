#!/bin/sh
# Training steps beside PyTorch's, then the operations of ResNet-20. Usage: bench/run.sh [BUILD_FOLDER]; takes minutes; wants a quiet machine.
set -eu
cd "$(dirname "$0")/.."
program=${1:-build}/winnow
"$program" doctor
if /usr/bin/python3 -c 'import torch' 2>/dev/null; then
    bench/compare_torch.py --winnow "$program" || echo "slower than PyTorch somewhere"
else
    echo "skipped: no PyTorch (Debian: python3-torch libopenblas0-openmp)"
    "$program" bench step resnet20 resnet56 vgg16 lenet-300-100
    "$program" bench step resnet20 resnet56 vgg16 lenet-300-100 --dtype bf16
fi
"$program" bench kernels resnet20
