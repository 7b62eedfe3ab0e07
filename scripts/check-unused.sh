#!/bin/bash
# check-unused.sh BUILD: prints each internal function of the static library whose name stands in no code of the library or the program
# but its own declaration and definition; what protobuf-c makes aside. What only tests need belongs to test/.
set -eu
build=$(cd "$1" && pwd)
cd "$(dirname "$0")/.."
hooks='wn__alloc_fail_at wn__alloc_reset_peak wn__safetensors_parse' # what tests and fuzz targets cannot do from outside
awaited='wn__image_look' # without callers yet

used() { # words of the code, without comments and texts, that occur more than twice
    find src tool include -name '*.[ch]' -exec cat {} + |
        perl -0777 -pe 's{/\*.*?\*/|"(?:[^"\\\n]|\\.)*"}{ }gs' | grep -oE '\bwn__[a-z0-9_]+' | sort | uniq -c | awk '$1 > 2 { print $2 }'
}
unused=$(nm -g --defined-only "$build/libwinnow.a" | awk '$2 == "T" && $3 ~ /^wn__/ && $3 !~ /^wn__onnx__[a-z_]*proto/ { print $3 }' | sort -u |
    grep -vxF -f <(used; printf '%s\n' $hooks $awaited) || true)
[ -z "$unused" ] || { echo "$unused" | sed 's/$/: only its declaration and its definition name it/'; exit 1; }
