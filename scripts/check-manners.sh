#!/bin/bash
# check-manners.sh BUILD: the library leaves the process as it is and does not depend on its locale. The objects of libwinnow.a call nothing that ends the
# process, prints, or changes what belongs to all of it; numbers with a decimal point are read and printed by base/locale.h alone.
set -eu
build=$1
bad=0

# Symbols, with the objects that may use them. assert's abort is __assert_fail, and _exit ends a child that could not become its program.
forbidden='exit|_exit|_Exit|quick_exit|abort|atexit|on_exit|(__)?v?printf(_chk)?|(__)?puts|putchar|perror|stdout|stderr|signal|sigaction|sigprocmask|raise|kill|fork|vfork|system|popen|setlocale|chdir|fchdir|umask|setenv|unsetenv|putenv|clearenv|setrlimit|srand|rand|random|setvbuf'
allowed='process.c.o: (_exit|fork)$|run.c.o: kill$|sweep_pool.c.o: kill$'
found=$(nm -A -u "$build/libwinnow.a" | sed 's/^[^:]*:\([^:]*\): *[A-Za-z] /\1: /; s/@.*//' | grep -E ": ($forbidden)\$" | grep -vE "^($allowed)" || true)
[ -z "$found" ] || { echo "the library calls:"; echo "$found"; bad=1; }

# A statement that prints or reads a number with a decimal point by the C library itself.
statements() { # FILE...: those with a fault, as FILE:LINE: text
    awk 'BEGIN { RS = ";" }
        FNR == 1 { line = 1 }
        {
            at = line + gsub(/\n/, " ")
            if (/[^_a-zA-Z0-9](v?s?n?printf|v?fprintf|dprintf|v?asprintf) *\(/ && \
                /%[-+ 0#]*[0-9*]*(\.[0-9*]+)?l?[fFeEgGaA]/) print FILENAME ":" at ": prints a number: wn__snprintf"
            if (/[^_a-zA-Z0-9]v(sn|s|as)printf *\(/) print FILENAME ":" at ": prints what may be a number: wn__vsnprintf"
            if (/[^_a-zA-Z0-9]snprintf *\([^"]*$/) print FILENAME ":" at ": prints in a format of others: wn__snprintf"
            if (/[^_a-zA-Z0-9](strtod|strtof|strtold|atof) *\(/) print FILENAME ":" at ": reads a number: wn__strtod"
            if (/[^_a-zA-Z0-9](sscanf|fscanf) *\(/ && /%[0-9*]*l?[fFeEgGaA]/) print FILENAME ":" at ": scans a number: wn__strtod"
            if (/[^_a-zA-Z0-9](strcoll|strftime|strerror|isalpha|isalnum|isspace|isprint|ispunct|toupper|tolower) *\(/)
                print FILENAME ":" at ": depends on the locale: base/locale.h"
            line = at
        }' "$@"
}
found=$(find src -name '*.[ch]' ! -path src/base/locale.c -print0 | xargs -0 -n 50 bash -c "$(declare -f statements); statements \"\$@\"" _)
[ -z "$found" ] || { echo "$found"; bad=1; }
exit $bad
