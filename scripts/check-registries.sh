#!/bin/bash
# A loss is known to its own file and to the registry's list alone: nobody else names its symbol or compares with its name. Prints every place that does.
set -eu
cd "$(dirname "$0")/.."
bad=0
for file in src/nn/losses/*.c; do
    symbol=$(sed -nE 's/^extern const wn__loss_type (wn__[a-z0-9_]+);/\1/p' "$file")
    name=$(sed -nE 's/^    \.name = ("[^"]+"),.*/\1/p' "$file")
    [ -n "$symbol" ] && [ -n "$name" ] || { echo "$file: it has no entry"; bad=1; continue; }
    ! grep -rnE --include='*.[ch]' "\b$symbol\b|$name" src tool include | grep -vE "^($file|src/nn/metrics?[./])" || bad=1
done
exit $bad
