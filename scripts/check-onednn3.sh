#!/bin/sh
# Compile the backend against oneDNN 3.x of a newer Debian, unpacked into the build folder, and run its tests with that library.
# Skips (exit 77) where the packages cannot be had. Usage: scripts/check-onednn3.sh [BUILD_FOLDER]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}/onednn3
suite=${ONEDNN3_SUITE:-trixie}
packages="libdnnl-dev libdnnl3.6 libc6 libgomp1 libstdc++6 libgcc-s1"

skip() {
    echo "skipped: $1"
    exit 77
}

unpack() {
    command -v apt-get >/dev/null && command -v dpkg >/dev/null || skip "no apt-get"
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Component: main' 'Origin: Debian' | grep -v security | head -n 1)
    [ -n "$mirror" ] || skip "no Debian mirror is set up"
    mkdir -p "$build/lists/partial" "$build/cache/archives/partial" "$build/packages"
    folder=$(cd "$build" && pwd)
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror%/} $suite main" >"$build/sources.list"
    set -- -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$folder/lists" \
        -o "Dir::Cache=$folder/cache" -o Dir::State::status=/dev/null -o APT::Sandbox::User=root -qq
    timeout 300 apt-get "$@" update || skip "no list of $suite's packages"
    # shellcheck disable=SC2086
    (cd "$build/packages" && timeout 300 apt-get "$@" download $packages) || skip "$suite's oneDNN cannot be had"
    for package in "$build"/packages/*.deb; do dpkg -x "$package" "$build/root"; done
}

[ -e "$build/root/usr/include/oneapi/dnnl/dnnl.h" ] || unpack
root=$(cd "$build/root" && pwd)
grep -q "DNNL_VERSION_MAJOR 3" "$(find "$root/usr/include" -name dnnl_version.h | grep oneapi | head -n 1)"
libraries=$root/usr/lib/$(gcc -dumpmachine)
[ -d "$libraries" ] || libraries=$root/usr/lib/x86_64-linux-gnu

# Its symbols of a newer C library are found at run time, by that library's own loader.
cmake -S . -B "$build/cmake" -DWINNOW_ONEDNN=ON -DWINNOW_DEVELOPER=ON -DDNNL_INCLUDE="$root/usr/include" \
    -DDNNL_LIBRARY="$libraries/libdnnl.so" -DCMAKE_EXE_LINKER_FLAGS=-Wl,--allow-shlib-undefined >"$build/cmake.log"
cmake --build "$build/cmake" --parallel --target test_onednn >>"$build/cmake.log" 2>&1 || {
    tail -n 40 "$build/cmake.log"
    exit 1
}
loader=$(find "$root" -name 'ld-linux-*.so.*' | head -n 1)
WINNOW_DATA='' "$loader" --library-path "$libraries:$root/lib/x86_64-linux-gnu:/usr/lib/x86_64-linux-gnu" "$build/cmake/test/test_onednn"
