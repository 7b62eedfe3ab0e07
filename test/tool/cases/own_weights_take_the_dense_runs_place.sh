cp "$CASES"/../files/* .
winnow train tiny.yaml --quiet >trained || exit 99
winnow run tiny.yaml --quiet --set model.weights=winnow-train/final.safetensors --set 'compare.methods=[dense, fine-tune, kd-fine-tune]' >table || exit 98
grep -o 'test accuracy .*' trained
grep -E '^(dense|fine-tune|kd-fine-tune) ' table
winnow train tiny.yaml --quiet --weights winnow-train/final.safetensors --set 'train.freeze=[fc]' --out more | grep steps
winnow run tiny.yaml --quiet --set model.weights=winnow-train/final.safetensors --dry-run
