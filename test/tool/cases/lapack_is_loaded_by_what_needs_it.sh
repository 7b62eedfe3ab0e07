# No LAPACK, whose BLAS may start threads as it is loaded, in commands that need none; so they work where address space is short.
program=$(readlink -f "$(command -v winnow)")
LD_TRACE_LOADED_OBJECTS=1 winnow | grep -i 'lapack\|blas'
grep -qa '__[at]san_init' "$program" && { echo "a sanitizer takes terabytes of addresses"; exit 77; }
(ulimit -v 600000 && timeout 20 winnow version && timeout 20 winnow methods >methods && head -n 1 methods)
