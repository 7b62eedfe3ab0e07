winnow bench plan resnet8 --batch 32 --micro-batch 16 --image 16 --backend ref
winnow bench step resnet8 --batch 32 --image 16 --runs 1 --backend ref --memory 0.001
