# Each command of the overview answers --help and `help`, alike, on standard output.
IFS=$'\n'
commands=$(winnow --help | sed -nE 's/^  ([a-z]+( [a-z]+)?) +[A-Z].*/\1/p')
[ -n "$commands" ] || exit 1
for command in $commands; do
    IFS=' ' read -ra words <<<"$command"
    winnow "${words[@]}" --help >first || exit 1
    winnow help "${words[@]}" >second || exit 1
    cmp first second || exit 1
    grep -q "^Usage: winnow $command " first || { echo "$command: no usage"; exit 1; }
    grep -q '^  75 ' first || { echo "$command: no exit codes"; exit 1; }
done
