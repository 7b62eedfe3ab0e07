#!/bin/bash
# examples.sh BUILD CC EXAMPLES: the programs of examples/c compile against an installed library, as pkg-config says, and do what they say.
set -eu
build=$1 cc=$2 examples=$3
command -v pkg-config >/dev/null || { echo "there is no pkg-config"; exit 77; }
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
cmake --install "$build" --prefix "$folder/usr" >/dev/null
PKG_CONFIG_PATH=$(dirname "$(find "$folder/usr" -name winnow.pc)")
export PKG_CONFIG_PATH
LD_LIBRARY_PATH=$(pkg-config --variable=libdir winnow)
export LD_LIBRARY_PATH
cd "$folder"
for source in "$examples"/*.c; do
    # shellcheck disable=SC2046 # flags are words
    "$cc" -std=c99 -Wall -Wextra -Werror "$source" -o "$(basename "$source" .c)" $(pkg-config --cflags --libs winnow) -lm
    [ "$(wc -l <"$source")" -lt 80 ] || { echo "$source: 80 lines or more"; exit 1; }
done

wants() { # TEXT COMMAND...: its output has the text
    local text=$1
    shift
    "$@" >out 2>&1 || { cat out; echo "failed: $*"; exit 1; }
    grep -qE "$text" out || { cat out; echo "no \"$text\" from $*"; exit 1; }
}
refuses() { # TEXT COMMAND...: fails, and says so
    local text=$1
    shift
    ! "$@" >out 2>&1 || { echo "went well: $*"; exit 1; }
    grep -qE "$text" out || { cat out; echo "no \"$text\" from $*"; exit 1; }
}

usr/bin/winnow train -q --out run --set data.set=shapes --set data.train=400 --set data.test=100 --set data.validation=none \
    --set model.arch=resnet8 --set train.epochs=2 --set train.batch=50
weights=run/final.safetensors
head -c 3072 /dev/urandom >image.raw
wants 'resnet8: 3 x 32 x 32 to 10 classes, 0.0 % of' ./predict $weights
wants '%  class [0-9]: [a-z]' ./predict $weights image.raw
refuses 'cannot be read' ./predict $weights $examples/nothing.raw
refuses 'open: .*nothing' ./predict nothing.safetensors
wants '^ 90.* zeros, 0\.' ./prune_and_save $weights sparse.safetensors '{layers: [all]}' 50% 90%
wants '90\.0 % of its weights' ./predict sparse.safetensors image.raw
refuses 'EUSAGE: mask:.*scoer' ./prune_and_save $weights sparse.safetensors '{scoer: snip}' 50%
usr/bin/winnow eval -q sparse.safetensors --set data.test=100 >/dev/null
wants '^rigl +90% ' ./train_own_data own
wants '5 stages, 5 of them done before' ./train_own_data own
