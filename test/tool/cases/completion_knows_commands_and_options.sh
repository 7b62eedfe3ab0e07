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
