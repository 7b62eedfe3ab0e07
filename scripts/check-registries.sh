#!/bin/bash
# A loss, metric or transform is known to its own file and to the registry's list alone. Prints every place outside that names its symbol, or a loss by its name;
# names of metrics are keys of files, which readers ask for.
set -eu
cd "$(dirname "$0")/.."
bad=0
outside() { # file, pattern: other files' lines with it
    ! grep -rnE --include='*.[ch]' "$2" src tool include | grep -v "^$1:"
}
for file in src/nn/losses/*.c; do
    symbol=$(sed -nE 's/^extern const wn__loss_type (wn__[a-z0-9_]+);/\1/p' "$file")
    name=$(sed -nE 's/^    \.name = ("[^"]+"),.*/\1/p' "$file")
    [ -n "$symbol" ] && [ -n "$name" ] || { echo "$file: it has no entry"; bad=1; continue; }
    outside "$file" "\b$symbol\b" || bad=1
    outside "$file" "$name" | { ! grep -v '^src/nn/metrics/'; } || bad=1
done
for file in src/nn/metrics/*.c; do
    symbol=$(sed -nE 's/^extern const wn__metric (wn__[a-z0-9_]+);/\1/p' "$file")
    [ -n "$symbol" ] || { echo "$file: it has no entry"; bad=1; continue; }
    outside "$file" "\b$symbol\b" || bad=1
done
for file in src/data/transforms/*.c; do
    symbol=$(sed -nE 's/^extern const wn__sample_transform (wn__[a-z0-9_]+);/\1/p' "$file")
    [ -n "$symbol" ] || { echo "$file: it has no entry"; bad=1; continue; }
    outside "$file" "\b$symbol\b" || bad=1
done
exit $bad
