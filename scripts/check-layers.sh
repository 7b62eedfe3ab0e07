#!/bin/bash
# The order of rooms. A room is a folder of src; it may use rooms of earlier lines, never later ones; rooms of one line know nothing of each other.
# Four things are checked and each breach is printed: includes; circles of modules (a module is NAME.c, NAME.h and NAME_parts.h); owners of executors; and,
# with a build folder as argument, calls: a symbol that an object uses must be defined in a room that it may use.
# The tool includes public headers only.
set -eu
cd "$(dirname "$0")/.."

order="
base
kernels
tensor io
backend data
backend/ref backend/onednn backend/sparse nn
nn/executor models
sparse/prune
sparse/basis sparse/dynamic sparse/dense_to_sparse
sparse methods network
exchange
measure train recipe
analysis plan
run
report handle
lab sweep"

common='
BEGIN {
    lines = split(order, line, "\n")
    for (i = 1; i <= lines; i++) {
        n = split(line[i], name, " ")
        for (j = 1; j <= n; j++) rank[name[j]] = i
    }
}
function room(path) { sub("/[^/]*$", "", path); sub("/(losses|metrics|optimizers|transforms|formats|nodes|onnx)$", "", path); return path } # a registry and its entries are one room
function may_use(own, other) { return own == other || rank[other] < rank[own] }'

includes() {
    grep -rnE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' src tool include | awk -v order="$order" "$common"'
    function complain(why) { print $0 ": " why; bad = 1 }
    {
        split($0, quoted, "\"")
        split($0, at, ":")
        file = at[1]
        target = quoted[2]
        if (target ~ /\.\./) complain("a path upwards")
        else if (target ~ /^winnow\//) next
        else if (file ~ /^tool\//) { if (target ~ /\//) complain("the tool includes public headers only") }
        else if (file ~ /^include\//) complain("a public header includes public headers only")
        else {
            sub("^src/", "", file)
            if (target !~ /\//) complain("write the room, \"" room(file) "/" target "\"")
            else if (!(room(target) in rank)) complain("no such room")
            else if (!(room(file) in rank)) complain("a folder that is no room")
            else if (!may_use(room(file), room(target))) complain(room(file) " may not use " room(target))
        }
    }
    END { exit bad }'
}

# tsort names the modules of each circle.
circles() {
    ! grep -rE --include='*.[ch]' '^[[:space:]]*#[[:space:]]*include[[:space:]]*"' src | awk '
    function module(path) { sub("\\.(tmpl\\.)?[ch]$", "", path); sub("_parts$", "", path); return path }
    {
        split($0, quoted, "\"")
        split($0, at, ":")
        file = at[1]
        sub("^src/", "", file)
        if (quoted[2] ~ /^winnow\// || module(file) == module(quoted[2])) next
        print module(file), module(quoted[2])
    }' | tsort 2>&1 >/dev/null | sed 's/^tsort: /circle of modules: /' | grep .
}

# Networks run through the room network (wn__network_start), so that there is one way to set them up; the training loop has its own.
executors() {
    ! grep -rn --include='*.c' 'wn__executor_new(' src tool bench | grep -vE '^src/(nn/executor|network)/|^src/train/trainer\.c:' | sed 's/$/: wn__network_start makes executors/' | grep .
}

calls() {
    local objects=$1/src/CMakeFiles/winnow_objects.dir
    [ -d "$objects" ] || { echo "$objects: build first"; return 1; }
    symbols "$1" | awk -v order="$order" "$common"'
    {
        split($0, at, ":")
        file = at[1]
        if ($(NF - 1) == "U") use[file " " $NF] = 1
        else if ($(NF - 1) != "w") home[$NF] = file
    }
    END {
        for (key in use) {
            split(key, part, " ")
            to = home[part[2]]
            if (part[1] == "backend/backend.c.o" && part[2] ~ /^wn__backend_[a-z]+$/) continue # the registry names its entries
            if (to != "" && !may_use(room(part[1]), room(to))) {
                print part[1] " calls " part[2] " of " to ": " room(part[1]) " may not use " room(to)
                bad = 1
            }
        }
        exit bad
    }'
}

# Symbols of all objects whose sources are there.
symbols() {
    local target folder object
    for target in winnow_objects winnow_kernels; do
        folder=$1/src/CMakeFiles/$target.dir
        (cd "$folder" && find . -name '*.c.o') | while read -r object; do
            [ -f "src/${object%.o}" ] && echo "$folder/$object"
        done | xargs nm -A -g | sed "s|^$folder/\./||"
    done
}

# Modules that call each other. A registry names its entries, which use what it offers.
registries="backend/backend backend/onednn/onednn backend/onednn/dnnl_api backend/sparse/sparse backend/sparse/few sparse/basis/basis"

call_circles() {
    ! symbols "$1" | awk -v registries="$registries" '
    BEGIN { n = split(registries, name, " "); for (i = 1; i <= n; i++) is_registry[name[i]] = 1 }
    {
        split($0, at, ":")
        file = at[1]
        sub("\\.c\\.o$", "", file)
        if ($(NF - 1) == "U") use[file " " $NF] = 1
        else if ($(NF - 1) == "T") home[$NF] = file
    }
    END {
        for (key in use) {
            split(key, part, " ")
            if ((part[2] in home) && !(part[1] in is_registry)) print part[1], home[part[2]]
        }
    }' | tsort 2>&1 >/dev/null | sed 's/^tsort: /circle of calls: /' | grep .
}

bad=0
includes || exit 1 # what includes upwards would be named again and again
circles || bad=1
executors || bad=1
[ $# = 0 ] || calls "$1" || bad=1
[ $# = 0 ] || call_circles "$1" || bad=1
exit $bad
