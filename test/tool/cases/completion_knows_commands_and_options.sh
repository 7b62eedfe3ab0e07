. "$CASES/../../../scripts/completion.bash"
completed() { # words of a command line
    COMP_WORDS=("$@") COMP_CWORD=$(($# - 1))
    _winnow winnow
    echo "${COMPREPLY[*]-}"
}
completed winnow doc
completed winnow data l
completed winnow data --fr
completed winnow help dat
cp "$CASES"/../files/* .
winnow run tiny.yaml --quiet >table || exit 1
completed winnow status t
completed winnow lab compare --experiment ti
completed winnow eval dens
completed winnow eval '"dense s'
completed winnow run tiny.yaml --redo kd
completed winnow run tiny.yaml --set train.ep
