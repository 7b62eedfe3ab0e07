cp "$CASES"/../files/* .
winnow train tiny.yaml --quiet >out || exit 99
size=$(stat -c %s winnow-train/final.safetensors)
printf '\x55' | dd of=winnow-train/final.safetensors bs=1 seek=$((size - 9)) conv=notrunc status=none
winnow inspect winnow-train/final.safetensors
