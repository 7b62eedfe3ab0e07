#!/bin/bash
# check-symbols.sh BUILD: the shared library exports wn_ names only (not wn__, which cross files inside it), and every global symbol of
# the static library begins with wn_.
set -eu
build=$1
bad=0

stray() { # lines of "address type name" whose name does not match the pattern
    awk -v pattern="$1" -v where="$2" 'NF == 3 && $3 !~ pattern { print where ": " $3; bad = 1 } END { exit bad }'
}
nm -D --defined-only "$build/libwinnow.so" | stray '^wn_[^_]' libwinnow.so || bad=1
nm -g --defined-only "$build/libwinnow.a" | stray '^wn_' libwinnow.a || bad=1
[ "$(nm -D --defined-only "$build/libwinnow.so" | wc -l)" -gt 0 ] || { echo "libwinnow.so exports nothing"; bad=1; }
exit $bad
