#!/bin/bash
# recipe-reference.sh PROGRAM [--fix]: each table of a page of docs that stands below a line that names the command that prints it,
# <!-- winnow settings sections train -->, up to <!-- end -->. Shows where they differ from what PROGRAM prints; --fix writes them anew.
set -eu
program=$1

# The last table of a listing in Markdown. Columns are two spaces apart; where a cell is empty, the places of the titles tell which.
as_markdown() {
    awk '
    function row(line, out, i) {
        if (split(line, cell, /  +/) != columns)
            for (i = 1; i <= columns; i++)
                cell[i] = i < columns ? substr(line, start[i], start[i + 1] - start[i]) : substr(line, start[i])
        out = "|"
        for (i = 1; i <= columns; i++) {
            gsub(/^ +| +$/, "", cell[i])
            out = out " " (i == 1 && rows > 0 ? "`" cell[i] "`" : cell[i]) " |"
        }
        return out
    }
    /^setting +default / || /^name +(what it is|images) / {
        columns = split($0, cell, /  +/)
        for (i = 1; i <= columns; i++) start[i] = index($0, cell[i])
        rows = 0
    }
    columns > 0 && NF { text[rows] = row($0); rows++ }
    END {
        rule = text[0]
        gsub(/[^|]+/, "---", rule)
        print text[0]
        print rule
        for (i = 1; i < rows; i++) print text[i]
    }
    '
}

made=$(mktemp)
trap 'rm -f "$made"' EXIT
different=0
for page in $(grep -lE '^<!-- winnow ' "$(dirname "$0")"/../docs/*.md); do
    inside=0
    while IFS= read -r line; do
        [ "$line" != "<!-- end -->" ] || inside=0
        [ $inside = 1 ] || printf '%s\n' "$line"
        if [[ $line =~ ^'<!-- winnow '(.*)' -->'$ ]]; then
            inside=1
            read -ra words <<<"${BASH_REMATCH[1]}"
            "$program" "${words[@]}" | as_markdown
        fi
    done <"$page" >"$made"

    if [ "${2:-}" = --fix ]; then
        cat "$made" >"$page"
    else
        diff -u "$page" "$made" || different=1
    fi
done
exit $different
