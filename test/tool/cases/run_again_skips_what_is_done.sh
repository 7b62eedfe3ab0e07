cp "$CASES"/../files/* .
winnow run tiny.yaml --quiet >first || exit 1
before=$(stat -c '%Y %Z %n' winnow-runs/stages/*/*.safetensors)
winnow run tiny.yaml --quiet >second || exit 1
cmp first second && [ "$before" = "$(stat -c '%Y %Z %n' winnow-runs/stages/*/*.safetensors)" ]
