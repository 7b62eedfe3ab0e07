# All that can be told of a recipe at once; what follows from a fault is not told beside it.
cp "$CASES"/../files/* .
cat >bad.yaml <<'END'
name: bad
data: {set: shapes, trian: 160, test: 64}
model: {arch: net.yaml}
train: {epochs: 2, batch: -32, optimizer: {sgd: {momentm: 0.9}}, lr: -1}
mask: {scoree: magnitude}
methods:
  a: {like: b, start: finall}
  b: {like: a}
  c: {like: kd-ticket, labels: {soft: {T: -1}}}
compare:
  methods: [dense, lotery-ticket, c, a]
  sparsity: [80%, 120%]
  seeds: x
END
winnow run bad.yaml 2>&1 | sed 's/; valid: .*//; s/ valid: [a-z].*//'
echo "-- options"
wrong() { winnow run tiny.yaml "$@" 2>&1 | tail -n 1; }
wrong --set train.lr=-1
wrong --set 'train.lr={step: {base: -1, at: 1ep}}'
wrong --seeds x
wrong --set train.steps=5
wrong --set train.steps=5 --set train.epochs=0 --dry-run | cut -d: -f1
wrong --set 'name=../..'
wrong --set 'methods={a: {like: a}}'
wrong --set 'methods={a: {like: b}, b: {like: dense}}'
