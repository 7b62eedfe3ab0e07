# The recipes of ImageNet, unchanged but for sizes (and the rate that goes with the batch), on a made set of its layout: each row trains a few steps.
command -v python3 >/dev/null || { echo "python3 makes the set, and is not here"; exit 77; }
winnow doctor | grep -qE "^  libpng +[0-9]" || { echo "this build reads no PNG"; exit 77; }
root=$CASES/../../..
mkdir pictures
cp "$root/docs/shapes.png" pictures
python3 "$root/scripts/made-imagenet.py" pictures made --classes 4 --train 4 --val 2
winnow data list made -q
try() { # RECIPE METHODS SET...
    local recipe=$1 methods=$2
    shift 2
    winnow run "$root/examples/papers/imagenet/$recipe.yaml" --quiet --set data.path=made \
        --set "data.augment=[{random-resized-crop: {size: 32}}, flip]" --set "data.evaluate=[{resize: 36}, {center-crop: 32}]" \
        --set train.batch=8 --set train.micro_batch=4 --set train.lr.step.base=0.001 --set "compare.methods=$methods" --set "compare.sparsity=[90%]" "$@" >out 2>&1 || cat out
    grep -oE "^(dense|rigl[^ ]*|kd[^ ]*) +[0-9]+%" out
}
try kd-ticket-resnet50 "[dense, kd-ticket, kd-weight-rewind]" --set train.epochs=2 --set "train.lr.step.at=[2it, 3it]" \
    --set train.lr.step.warm_up=1it --set labels.soft.until=3it --set methods.weight-rewind.rewind=1it --set methods.lr-rewind.rewind=1it \
    --set methods.kd-weight-rewind.rewind=1it
for recipe in rigl-resnet50 rigl-mobilenet-v1 rigl-mobilenet-v2; do
    try $recipe "[rigl-erk]" --set train.steps=4 --set "train.lr.step.at=[2it, 3it]" --set train.lr.step.warm_up=1it \
        --set methods.rigl-erk.topology.end=3it --set methods.rigl-erk.topology.interval=1it
done
