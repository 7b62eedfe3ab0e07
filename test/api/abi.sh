#!/bin/bash
# abi.sh LIBRARY CORE_H: the shared library's SONAME is that of its ABI: MAJOR, or 0.MINOR before 1.0.
set -eu
number() { sed -n "s/^#define WN_VERSION_$1 //p" "$2"; }
major=$(number MAJOR "$2") minor=$(number MINOR "$2")
want=libwinnow.so.$major
[ "$major" != 0 ] || want=$want.$minor
got=$(readelf -d "$1" | sed -n 's/.*(SONAME).*\[\(.*\)\]/\1/p')
[ "$got" = "$want" ] || { echo "SONAME is $got, must be $want"; exit 1; }
