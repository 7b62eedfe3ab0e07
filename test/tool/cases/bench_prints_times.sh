winnow bench step lenet-300-100 --batch 16 --runs 1 --backend ref && winnow bench kernels lenet-300-100 --batch 16 --runs 1 --backend ref --json
