# An experiment is a name or a folder, a stage a label, an identity or its folder, for every command.
cp "$CASES"/../files/* .
same() { # commands whose output is the same
    "$@" --quiet >first && cmp -s first "${answer:-first}" || echo "differs: $*"
}
winnow run tiny.yaml --quiet >table && winnow run tiny.yaml --quiet --set 'name=Größe zwei' --set train.epochs=1 >table || exit 1
ls winnow-runs
identity=$(winnow status tiny --csv | sed -n 's/^\([0-9a-f]*\),.*,dense seed 0,.*/\1/p')
winnow eval "winnow-runs/stages/${identity:0:16}" >evaluated
answer=evaluated
same winnow eval "dense seed 0" --experiment tiny
same winnow eval "dense seed 0" --experiment winnow-runs/tiny
same winnow eval "$identity"
same winnow eval "${identity:0:8}"
same winnow eval "winnow-runs/stages/${identity:0:16}/final.safetensors"
winnow status "Größe zwei" --csv >status
answer=status
same winnow status winnow-runs/Größe-zwei --csv
same winnow status Größe-zwei --csv
winnow report tiny --csv >report
answer=report
same winnow report winnow-runs/tiny --csv
(cd / && winnow report "$OLDPWD/winnow-runs/tiny" --csv) | cmp - report
answer=
same winnow time tiny --rounds 1
same winnow inspect "dense seed 0" --experiment tiny
same winnow prune "kd-ticket 80% seed 0" --experiment tiny --sparsity 10x --out pruned.safetensors
same winnow export "${identity:0:8}" --to dense --out dense.safetensors
same winnow shrink "dense seed 0" --experiment tiny --hold 1% --by nothing
same winnow merge tiny --out merged
same winnow run tiny.yaml --redo "winnow-runs/stages/${identity:0:16}"
wrong() { winnow "$@" 2>&1 | tail -n 1; }
wrong eval "dense seed 0"
wrong eval "dens seed 0"
wrong lab compare "dense seed 0" "dense seed 0"
wrong status tinny
wrong report tinny
wrong time tinny
wrong diff tiny tinny
wrong run tiny.yaml --redo "kd-tickt 80% seed 0"
winnow diff tiny "Größe zwei" --csv | cut -d, -f1 | uniq -c | sed 's/\r//'
winnow diff tiny "Größe zwei" --csv | grep -c default
winnow diff tiny "Größe zwei" --csv --all | grep -c default
