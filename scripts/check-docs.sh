#!/bin/bash
# Prints each relative link of a page whose file or heading does not exist, each file of the project that a page names and that is not there, and each comment that cites `docs/PAGE.md, "HEADING"` of a
# heading that the page does not have.
set -eu
cd "$(dirname "$0")/.."
export LC_ALL=C.UTF-8

headings() { # of a page, without their marks; lines of code blocks are none
    awk '/^ *```/ { code = !code } !code && sub(/^#+ +/, "") { print }' "$1"
}
has_heading() { headings "$1" | grep -qxF -- "$2"; }
has_anchor() { # as GitHub makes anchors of headings
    headings "$1" | awk '{ gsub(/[^[:alnum:] _-]/, ""); gsub(/ /, "-"); $0 = tolower($0); print $0 (seen[$0] ? "-" seen[$0] : ""); seen[$0]++ }' | grep -qxF -- "$2"
}
links() { # PAGE:TARGET
    git ls-files '*.md' | while read -r page; do
        awk '/^ *```/ { code = !code } !code' "$page" | sed 's/`[^`]*`//g' | grep -oE '\]\([^)]+\)' | sed -E "s|^\]\((.*)\)$|$page:\1|" || true
    done | grep -vE ':(https?|mailto):'
}
citations() { # FILE:PAGE, "HEADING"
    git grep -oE 'docs/[a-z-]+\.md, "[^"]+"' -- '*.[ch]'
}

sources() { # PAGE:PATH of files and folders of src, tool, test and scripts that pages name
    git ls-files '*.md' | grep -v '^docs/results/' | xargs grep -oHE '`(src|tool|test|scripts|bench|fuzz)/[A-Za-z0-9_/.-]*[A-Za-z0-9_/]`' | tr -d '`' |
        grep -vE ':.*[A-Z]|/(test_x|fuzz_x|conv2|signsgd|log_cosh|mean_absolute_error)\.c$' # patterns, and files of worked examples
}

bad=0
complain() { echo "$1"; bad=1; }
while IFS=: read -r page target; do
    file=${target%%#*}
    to=$page
    [ -z "$file" ] || to=$(dirname "$page")/$file
    [ -e "$to" ] || { complain "$page: no file $file"; continue; }
    [[ $target != *#* ]] || has_anchor "$to" "${target#*#}" || complain "$page: no heading #${target#*#} in $to"
done < <(links)
while IFS=: read -r file citation; do
    page=${citation%%,*}
    heading=${citation#*\"}
    has_heading "$page" "${heading%\"}" || complain "$file: $page has no heading \"${heading%\"}\""
done < <(citations)
while IFS=: read -r page path; do
    compgen -G "$path" >/dev/null || compgen -G "$path.[ch]" >/dev/null || complain "$page: no $path"
done < <(sources)
exit $bad
