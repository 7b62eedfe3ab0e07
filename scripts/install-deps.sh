#!/bin/bash
# Installs what the build (or clang's builds and sanitizers, the checks, the linter) lacks: install-deps.sh build|clang|check|lint. As root
# through apt-get; without root, or without apt-get, it prints what is missing and stops. Of A|B one is enough: Debian's name and Ubuntu's.
set -eu

build="build-essential cmake pkg-config libyaml-dev libjansson-dev libcurl4-openssl-dev libssl-dev zlib1g-dev liblzma-dev libdnnl-dev
    liblapacke-dev libfftw3-dev libzip-dev libjpeg62-turbo-dev|libjpeg-turbo8-dev libpng-dev libwebp-dev libprotobuf-c-dev
    protobuf-c-compiler gnuplot-nox libjs-chart.js"
case "${1:-build}" in
build) packages=$build ;;
clang) packages="clang libclang-rt-14-dev llvm" ;;
check) packages="clang-format-14" ;;
lint) packages="clang-tidy-14" ;;
*) echo "usage: $0 build|clang|check|lint" >&2; exit 2 ;;
esac

if ! command -v dpkg-query >/dev/null; then
    echo "This is no Debian system; what Debian calls" $packages "is taken to be there." >&2
    exit 0
fi
installed() { # NAME...: any of them
    local name
    for name in "$@"; do
        [ "$(dpkg-query -W -f '${Status}' "$name" 2>/dev/null)" != "install ok installed" ] || return 0
    done
    return 1
}
known() { # NAME...: the first that there is to install, else the first
    local name
    for name in "$@"; do
        ! apt-cache show --no-all-versions "$name" >/dev/null 2>&1 || { echo "$name"; return; }
    done
    echo "$1"
}
missing=
for package in $packages; do
    installed ${package//|/ } || missing="$missing $(known ${package//|/ })"
done
[ -n "$missing" ] || exit 0
if [ "$(id -u)" != 0 ]; then
    echo "Packages are missing. As root:" >&2
    echo "    apt-get install$missing" >&2
    exit 1
fi
echo "Installing:$missing" >&2
export DEBIAN_FRONTEND=noninteractive
apt-get install -y --no-install-recommends $missing >/dev/null 2>&1 ||
    { apt-get update && apt-get install -y --no-install-recommends $missing; } >&2
