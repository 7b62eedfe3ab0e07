#!/bin/bash
# A later layer may include an earlier one, never the reverse; layers of one line know nothing of each other. The tool includes public
# headers only. Prints each include that breaks this.
set -eu
cd "$(dirname "$0")/.."

grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' src tool include | awk '
BEGIN {
    layers = "base|kernels|tensor|io|backend|nn|sparse|models data methods|train|lab|experiment|report|analysis sweep"
    count = split(layers, line, "|")
    for (i = 1; i <= count; i++) {
        n = split(line[i], name, " ")
        for (j = 1; j <= n; j++) rank[name[j]] = i
    }
}
function complain(why) { print $0 ": " why; bad = 1 }
{
    split($0, quoted, "\"")
    split($0, at, ":")
    split(at[1], file, "/")
    target = quoted[2]
    own = file[2]
    folder = target
    sub("/.*", "", folder)
    if (target ~ /\.\./) complain("a path upwards")
    else if (folder == "winnow") next
    else if (file[1] == "tool") { if (target ~ /\//) complain("the tool includes public headers only") }
    else if (file[1] == "include") complain("a public header includes public headers only")
    else if (target !~ /\//) complain("write the folder, \"" own "/" target "\"")
    else if (!(folder in rank)) complain("no such layer")
    else if (!(own in rank)) complain("a folder that is no layer")
    else if (folder != own && rank[folder] >= rank[own]) complain(own " may not use " folder)
}
END { exit bad }'
