#!/bin/sh
# Cross-compile for 64-bit ARM and run the test programs under qemu, which is tens of times as slow: hours on a busy
# machine. Tests run one by one, and what passed is not run again until its program changes: so the check can be stopped and started again. Needs
# gcc-aarch64-linux-gnu and qemu-user (installed here if root); the ARM libraries are unpacked into the build folder. Skips (exit 77) where something cannot be had.
# Usage: scripts/check-aarch64.sh [BUILD_FOLDER [TEST...]]
set -eu
cd "$(dirname "$0")/.."
build=${1:-build}/aarch64
[ $# -gt 0 ] && shift
only=$*
libraries="libyaml-dev libyaml-0-2 libjansson-dev libjansson4 zlib1g-dev zlib1g liblzma-dev liblzma5 libssl-dev libssl3"

skip() {
    echo "skipped: $1"
    exit 77
}

install_tools() {
    [ "$(id -u)" = 0 ] || skip "needs the packages gcc-aarch64-linux-gnu and qemu-user"
    apt-get install -y -qq --no-install-recommends gcc-aarch64-linux-gnu libc6-dev-arm64-cross qemu-user >/dev/null || skip "no cross compiler to be had"
}

unpack() {
    mirror=$(apt-get indextargets --format '$(REPO_URI)' 'Identifier: Packages' 'Component: main' 'Origin: Debian' | grep -v security | head -n 1)
    [ -n "$mirror" ] || skip "no Debian mirror is set up"
    mkdir -p "$build/lists/partial" "$build/cache/archives/partial" "$build/packages"
    folder=$(cd "$build" && pwd)
    suite=$(. /etc/os-release && echo "$VERSION_CODENAME")
    echo "deb [arch=arm64 signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] ${mirror%/} $suite main" >"$build/sources.list"
    : >"$build/status"
    set -- -o "Dir::Etc::SourceList=$folder/sources.list" -o Dir::Etc::SourceParts=/dev/null -o "Dir::State::Lists=$folder/lists" \
        -o "Dir::Cache=$folder/cache" -o "Dir::State::status=$folder/status" -o APT::Sandbox::User=root -o APT::Architecture=arm64 \
        -o APT::Architectures=arm64 -qq
    timeout 300 apt-get "$@" update || skip "no list of packages for arm64"
    # shellcheck disable=SC2086
    (cd "$build/packages" && timeout 300 apt-get "$@" download $libraries) || skip "the ARM libraries cannot be had"
    for package in "$build"/packages/*.deb; do dpkg -x "$package" "$build/root"; done
}

command -v aarch64-linux-gnu-gcc >/dev/null && command -v qemu-aarch64 >/dev/null || install_tools
[ -e "$build/root/usr/include/yaml.h" ] || unpack
root=$(cd "$build/root" && pwd)
arm=$root/usr/lib/aarch64-linux-gnu
cat >"$build/toolchain.cmake" <<EOF
set(CMAKE_SYSTEM_NAME Linux)
set(CMAKE_SYSTEM_PROCESSOR aarch64)
set(CMAKE_C_COMPILER aarch64-linux-gnu-gcc)
set(CMAKE_C_FLAGS_INIT "-isystem $root/usr/include -isystem $root/usr/include/aarch64-linux-gnu")
set(CMAKE_EXE_LINKER_FLAGS_INIT "-L$arm -Wl,-rpath-link,$arm:$root/lib/aarch64-linux-gnu")
EOF
export PKG_CONFIG_LIBDIR="$arm/pkgconfig" PKG_CONFIG_SYSROOT_DIR="$root"
cmake -S . -B "$build/cmake" -DCMAKE_TOOLCHAIN_FILE="$(pwd)/$build/toolchain.cmake" -DWINNOW_ONEDNN=OFF -DWINNOW_CURL=OFF -DWINNOW_LAPACK=OFF -DWINNOW_FFTW=OFF -DWINNOW_ZIP=OFF -DWINNOW_JPEG=OFF -DWINNOW_PNG=OFF -DWINNOW_WEBP=OFF \
    -DWINNOW_DEVELOPER=ON >"$build/cmake.log"
cmake --build "$build/cmake" -j "$(nproc)" >>"$build/cmake.log" 2>&1 || {
    tail -n 30 "$build/cmake.log"
    exit 1
}
failed=0
passed=0
done=$build/passed # lines "PROGRAM'S_CHECKSUM TEST"
touch "$done"
limited() { timeout "$@" </dev/null; }
emulator="qemu-aarch64 -L /usr/aarch64-linux-gnu -E LD_LIBRARY_PATH=$arm:$root/lib/aarch64-linux-gnu"
WINNOW_TEST_RUNNER=$(pwd)/$build/runner # by which tests start themselves as workers
export WINNOW_TEST_RUNNER
printf '#!/bin/sh\nexec %s "$@"\n' "$emulator" >"$WINNOW_TEST_RUNNER"
chmod +x "$WINNOW_TEST_RUNNER"
for program in "$build"/cmake/test/test_*; do
    [ -f "$program" ] && [ -x "$program" ] || continue
    name=$(basename "$program")
    case " ${only:-$name} " in *" $name "*) ;; *) continue ;; esac
    sum=$(sha256sum "$program" | cut -c 1-16)
    # shellcheck disable=SC2086
    for test in $(limited 60 $emulator "$program" --list); do
        status=0
        grep -qx "$sum $test" "$done" || limited 7200 $emulator "$program" "$test" >"$build/$name.$test.log" 2>&1 || status=$?
        case $status in
            0 | 77) passed=$((passed + 1)) && { grep -qx "$sum $test" "$done" || echo "$sum $test" >>"$done"; } ;;
            *) failed=$((failed + 1)) && echo "FAILED: $name $test ($build/$name.$test.log)" ;;
        esac
    done
    echo "$name: $passed passed so far, $failed failed"
done
echo "aarch64: $passed tests passed, $failed failed"
[ $failed = 0 ]
