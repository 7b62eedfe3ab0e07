#!/bin/bash
# configure.sh SOURCE CMAKE CC: CMake alone calls no package manager and no network, and names what is missing.
set -u
source=$1 cmake=$2 cc=$3
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
mkdir "$work/bin"
for name in apt apt-get aptitude dpkg dpkg-query dnf yum pacman brew pip pip3 curl wget git sudo; do
    printf '#!/bin/sh\necho "%s $*" >>%s/called\nexit 1\n' $name "$work" >"$work/bin/$name"
    chmod +x "$work/bin/$name"
done
alone= # without a network, where the system lets us
unshare -n true 2>/dev/null && alone="unshare -n" || echo "skipped: no network namespace can be made"
configure() { # LOG [OPTION...]
    local log=$1
    shift
    PATH=$work/bin:$PATH $alone "$cmake" -S "$source" -B "$work/build" -DCMAKE_C_COMPILER="$cc" -DWINNOW_PARTS= "$@" >"$work/$log" 2>&1
}
configure first || { cat "$work/first"; exit 1; }
[ ! -e "$work/called" ] || { echo "cmake called:"; cat "$work/called"; exit 1; }
rm -rf "$work/build"
PKG_CONFIG_LIBDIR=$work PKG_CONFIG_PATH='' configure missing && { echo "configured without its libraries"; exit 1; }
tr '\n' ' ' <"$work/missing" | tr -s ' ' | grep -q 'yaml-0.1 was not found; Winnow cannot do without it (Debian: libyaml-dev)' || { cat "$work/missing"; exit 1; }
