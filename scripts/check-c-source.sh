#!/bin/bash
# check-c-source.sh BUILD: compiles exported C source for x86-64 (gcc, clang), 64-bit ARM, 64-bit RISC-V and Cortex-M4 and runs it there, under qemu; outputs must
# be those of double sums within 1e-5. Prints bytes of code and tables. What is not installed is told and skipped; on Debian as root:
#   apt-get install clang gcc-aarch64-linux-gnu libc6-dev-arm64-cross gcc-riscv64-linux-gnu libc6-dev-riscv64-cross qemu-user gcc-arm-none-eabi libnewlib-arm-none-eabi qemu-system-arm
set -u
build=$(cd "${1:-build}" && pwd)
cd "$(dirname "$0")/../test/exchange" || exit 2
here=$PWD
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT
flags="-O2 -std=c99 -Wall -Wextra -Werror -pedantic"
failed=0

inputs() { # of the dump's folder: two inputs and their outputs as C
    read -r c h w outputs _ <"$1/about.txt"
    printf '#define N 2\n'
    for list in "x $((2 * c * h * w))" "y $((2 * outputs))"; do
        set -- "$1" $list
        echo "static const float $([ "$2" = x ] && echo x || echo want)[] = {"
        od -An -v -tfF -w16 -N $((4 * $3)) "$1/$2.bin" | sed -E 's/ +$//; s/ +([^ ]+)/ \1,/g; s/([0-9]),/\1,/g'
        echo "};"
    done | sed -E 's/([ ,])(-?[0-9]+),/\1\2.0,/g'
}

run() { # what, target, compiler and flags, runner
    local what=$1 target=$2 compiler=$3 runner=$4 program=$scratch/program result=
    if ! command -v "${compiler%% *}" >/dev/null || { [ -n "$runner" ] && ! command -v "${runner%% *}" >/dev/null; }; then
        echo "$what: skipped, ${compiler%% *} or ${runner%% *} is not installed"
        return
    fi
    # shellcheck disable=SC2086
    if $compiler $flags -I"$scratch" -DNAME="$target" -DUPPER="${target^^}" -DHEADER="\"$target.h\"" -c -o "$scratch/run.o" "$here/run_source.c" &&
        $compiler $flags -c -o "$scratch/net.o" "$scratch/$target.c" && $compiler -o "$program" "$scratch/run.o" "$scratch/net.o" ${5:-} &&
        result=$(timeout 120 $runner "$program"); then
        printf '%-28s %-6s %s; %s bytes of code and tables\n' "$what" "$target" "$result" "$(size "$scratch/net.o" 2>/dev/null | awk 'NR == 2 { print $1 + $2 }')"
    else
        echo "$what $target: FAILED ${result:-}"
        failed=1
    fi
}

for network in "lenet5 95%" "resnet8 90%"; do
    # shellcheck disable=SC2086
    "$build/test/export_dump" $network 20 "$scratch" || exit 1
    inputs "$scratch" >"$scratch/inputs.h"
    echo "== $network"
    for target in net small; do
        run "x86-64 gcc" $target gcc ""
        run "x86-64 clang" $target clang ""
        run "x86-64 gcc AVX2" $target "gcc -mavx2 -mfma" ""
        run "aarch64" $target "aarch64-linux-gnu-gcc -static" qemu-aarch64
        run "riscv64" $target "riscv64-linux-gnu-gcc -static" qemu-riscv64
        run "Cortex-M4" $target "arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 --specs=rdimon.specs" \
            "qemu-system-arm -M mps2-an386 -nographic -monitor none -serial none -semihosting-config enable=on,target=native -kernel" \
            "-nostartfiles -T $here/cortex-m4/memory.ld $here/cortex-m4/start.c $(arm-none-eabi-gcc -mcpu=cortex-m4 -mthumb -mfloat-abi=hard -mfpu=fpv4-sp-d16 -print-file-name=rdimon-crt0.o 2>/dev/null)"
    done
done
exit $failed
