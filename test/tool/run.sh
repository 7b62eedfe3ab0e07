#!/bin/bash
# run.sh PROGRAM CASE.sh: runs a case in an empty folder with `winnow` in PATH and compares what it gives with the files beside it:
#
#     CASE.stdout.exact, CASE.stderr.exact   the whole output
#     CASE.stdout.glob,  CASE.stderr.glob    a shell pattern for the whole output; * spans lines
#     CASE.exit                              the exit code; 0 without it
#
# A case that ends with 77 is skipped, and says why. $CASES is the folder of the cases; $REAL_DATA the folder of real data sets, or empty.
set -u
program=$(realpath "$1")
case=$(realpath "$2")
name=${case%.sh}
scratch=$(mktemp -d)
trap 'chmod -R u+rwx "$scratch"; rm -rf "$scratch"' EXIT

mkdir "$scratch/bin" "$scratch/home" "$scratch/work"
ln -s "$program" "$scratch/bin/winnow"
export PATH=$scratch/bin:$PATH HOME=$scratch/home LC_ALL=C TERM=dumb CASES=${case%/*} REAL_DATA=${WINNOW_DATA:-}
unset WINNOW_DATA XDG_DATA_HOME NO_COLOR
(cd "$scratch/work" && exec timeout 240 bash "$case") >"$scratch/stdout" 2>"$scratch/stderr"
code=$?
if [ $code = 77 ]; then
    cat "$scratch/stdout" "$scratch/stderr"
    exit 77
fi

failed=0
complain() { # what, file with what was wanted, file with what came
    echo "$1; wanted:"
    cat "$2"
    echo "--- came:"
    cat "$3"
    failed=1
}

for stream in stdout stderr; do
    came=$scratch/$stream
    wanted=$name.$stream
    [ ! -f "$wanted.exact" ] || cmp -s "$wanted.exact" "$came" || complain "$stream differs" "$wanted.exact" "$came"
    if [ -f "$wanted.glob" ]; then
        pattern=$(cat "$wanted.glob")
        # shellcheck disable=SC2053 # a pattern is meant
        [[ $(cat "$came") == $pattern ]] || complain "$stream does not match" "$wanted.glob" "$came"
    fi
done
wanted=0
[ ! -f "$name.exit" ] || wanted=$(cat "$name.exit")
if [ "$code" != "$wanted" ]; then
    echo "exit code $code, wanted $wanted; standard error:"
    cat "$scratch/stderr"
    failed=1
fi
exit $failed
