# Completion of winnow for bash: the program itself knows what may follow; files are left to the shell.
_winnow()
{
    local IFS=$'\n' word=${COMP_WORDS[COMP_CWORD]} i
    word=${word#[\"\']} # a label has blanks: its beginning may stand in quotation marks
    word=${word//\\ / }
    COMPREPLY=($("$1" complete -- "${COMP_WORDS[@]:1:COMP_CWORD-1}" "$word" 2>/dev/null))
    for i in "${!COMPREPLY[@]}"; do
        [[ ${COMPREPLY[i]} != *= ]] || compopt -o nospace 2>/dev/null # a key of --set, whose value follows
        [[ ${COMPREPLY[i]} != *' '* || ${COMP_WORDS[COMP_CWORD]} == [\"\']* ]] || COMPREPLY[i]=${COMPREPLY[i]// /\\ }
    done
}
complete -o default -F _winnow winnow
