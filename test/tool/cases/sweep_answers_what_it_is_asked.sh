# A driver in a few lines of shell: two trials on the first rung, the better one to the end.
cp "$CASES"/../files/swept.yaml .
coproc SWEEP { winnow sweep swept.yaml --quiet --ask-tell; }
to=${SWEEP[1]} from=${SWEEP[0]}
ask() { # question; sets `value`
    echo "$1" >&"$to"
    while read -r -u "$from" line; do
        case $line in
        *'"event":"result"'*) value=${line##*'"value":'}; value=${value%\}*}; return ;;
        *'"event":"error"'*) echo "$line"; return ;;
        esac
    done
    exit 1
}
read -r -u "$from" hello
[[ $hello == '{"event":"hello","program":"winnow","protocol":1,'* ]] || exit 1
ask 'this is no question'
ask '{"trial":0,"params":{"topology.alpha":0.3,"topology.interval":4,"train.lr.cosine.base":0.05},"until":0}'
first=$value
ask '{"trial":1,"params":{"topology.alpha":0.5,"topology.interval":2,"train.lr.cosine.base":0.01},"until":0}'
awk -v a="$first" -v b="$value" 'BEGIN { exit !(a >= b) }' && best=0 || best=1
ask "{\"trial\":$best}"
eval "exec $to>&-"
read -r -u "$from" last
[[ $last == *"\"best\":{\"trial\":$best,"*"\"value\":$value,\"test_accuracy\":"* ]] || { echo "$last, not $value"; exit 1; }
