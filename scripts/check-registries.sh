#!/bin/bash
# An entry of a registry is known to its own file and to the registry's list alone. Prints every place outside that names its symbol, or a loss by its name;
# names of metrics are keys of files, which readers ask for.
set -eu
cd "$(dirname "$0")/.."
registries='
nn/losses wn__loss_type
nn/metrics wn__metric
data/transforms wn__sample_transform
exchange/formats wn__export_format
exchange/onnx wn__onnx_entry
nn/nodes wn__node_kind'

bad=0
outside() { # file, pattern: other files' lines with it
    ! grep -rnE --include='*.[ch]' "$2" src tool include | grep -v "^$1:"
}
while read -r folder type; do
    for file in ${folder:+src/$folder/*.c}; do
        symbol=$(sed -nE "s/^(extern )?const $type (wn__[a-z0-9_]+)( = .*)?;?\$/\2/p" "$file" | head -1)
        [ -n "$symbol" ] || { echo "$file: it has no entry"; bad=1; continue; }
        outside "$file" "\b$symbol\b" || bad=1
        [ "$folder" = nn/losses ] || continue
        name=$(sed -nE 's/^    \.name = ("[^"]+"),.*/\1/p' "$file")
        outside "$file" "$name" | { ! grep -v '^src/nn/metrics/'; } || bad=1
    done
done <<<"$registries"
exit $bad
