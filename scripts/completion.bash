# Completion of winnow for bash: the program itself knows what may follow; files are left to the shell.
_winnow()
{
    local IFS=$'\n'
    COMPREPLY=($("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _winnow winnow
