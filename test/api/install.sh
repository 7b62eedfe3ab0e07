#!/bin/bash
# install.sh BUILD CC CMAKE: the installed library: DESTDIR, a prefix that is moved, pkg-config, the static library, find_package.
set -eu
build=$1 cc=$2 cmake=$3
command -v pkg-config >/dev/null || { echo "there is no pkg-config"; exit 77; }
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
fail() { echo "$*"; exit 1; }

DESTDIR=$work/stage "$cmake" --install "$build" --prefix /opt/winnow >/dev/null
[ -e "$work/stage/opt/winnow/bin/winnow" ] || [ -n "$(find "$work/stage/opt/winnow" -name libwinnow.a)" ] || fail "nothing lies under DESTDIR"
[ "$(find "$work/stage" -mindepth 1 -maxdepth 1)" = "$work/stage/opt" ] || fail "something lies outside of the prefix"
mv "$work/stage/opt/winnow" "$work/moved"
text=$(grep -rIlE "$build|/opt/winnow|$work/stage" "$work/moved" | grep -v '\.h$' || true)
[ -z "$text" ] || fail "these name a folder of the build or the prefix: $text"

libdir=$(dirname "$(find "$work/moved" -name libwinnow.a)")
export PKG_CONFIG_PATH=$libdir/pkgconfig LD_LIBRARY_PATH=$libdir
cat >"$work/count.c" <<'END'
#include <stdio.h>
#include <winnow/graph.h>
int main(void)
{
    wn_graph *g = wn_graph_new("tiny", 3, 32, 32);
    int x = wn_graph_conv(g, wn_graph_input(g), "conv", (wn_conv){.out = 16, .kernel = 3, .pad = 1});
    if (WN_VERSION_NUMBER != wn_version_number() || wn_graph_finish(g, wn_graph_linear(g, wn_graph_global_pool(g, x), "fc", 10, true)) != WN_OK) return 1;
    printf("%lld parameters, %lld FLOPs\n", (long long)wn_graph_parameter_count(g), (long long)wn_graph_forward_flops(g));
    wn_graph_free(g);
    return 0;
}
END
says_what_it_counted() { # COMMAND
    [ "$("$1")" = "602 parameters, 885056 FLOPs" ] || fail "$1 says: $("$1")"
}
[ "$(pkg-config --modversion winnow)" != "" ] || fail "pkg-config tells no version"
# shellcheck disable=SC2046 # flags are words
"$cc" -std=c99 "$work/count.c" -o "$work/shared" $(pkg-config --cflags --libs winnow)
says_what_it_counted "$work/shared"
readelf -d "$work/shared" | grep -q 'NEEDED.*libwinnow\.so\.[0-9.]*\]' || fail "the program does not need libwinnow.so by its SONAME"
# shellcheck disable=SC2046
"$cc" -std=c99 "$work/count.c" -o "$work/static" $(pkg-config --cflags winnow) -L"$libdir" -Wl,-Bstatic -lwinnow -Wl,-Bdynamic \
    $(pkg-config --static --libs winnow | sed 's/-lwinnow//')
readelf -d "$work/static" | grep -q libwinnow && fail "the static program needs libwinnow.so"
says_what_it_counted "$work/static"

mkdir "$work/user"
cat >"$work/user/CMakeLists.txt" <<'END'
cmake_minimum_required(VERSION 3.21)
project(user LANGUAGES C)
find_package(winnow 0.1 REQUIRED)
add_executable(count ../count.c)
target_link_libraries(count PRIVATE winnow::winnow)
END
"$cmake" -S "$work/user" -B "$work/user/build" -DCMAKE_C_COMPILER="$cc" -DCMAKE_PREFIX_PATH="$work/moved" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
"$cmake" --build "$work/user/build" >"$work/log" 2>&1 || { cat "$work/log"; exit 1; }
says_what_it_counted "$work/user/build/count"
