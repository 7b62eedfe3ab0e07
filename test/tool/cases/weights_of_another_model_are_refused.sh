cp "$CASES"/../files/* .
winnow train tiny.yaml --quiet >out || exit 99
winnow eval winnow-train/final.safetensors --set model.arch=resnet8
