"""Files of `winnow export --to torch` and `--to dense` in PyTorch, from a network of torchvision in float16 with num_batches_tracked.

    torch_state.py WINNOW
"""

import pathlib
import subprocess
import sys
import tempfile

import torch
import torchvision
from safetensors.torch import load_file, save_file
from torch.nn.utils import prune


def winnow(*words):
    subprocess.run([sys.argv[1], *map(str, words)], check=True, stdout=subprocess.DEVNULL)


def same(left, right):
    assert left.keys() == right.keys(), left.keys() ^ right.keys()
    for name in left:
        assert left[name].dtype == right[name].dtype and torch.equal(left[name], right[name]), name


def model():
    return torchvision.models.resnet18(num_classes=7).half()


with tempfile.TemporaryDirectory() as folder:
    at = pathlib.Path(folder)
    torch.manual_seed(1)
    source = model()
    torch.save(source.state_dict(), at / "in.pt")
    winnow("export", at / "in.pt", "--to", "torch", "--out", at / "back.pt", "--set", "model.arch=resnet18")
    same(torch.load(at / "back.pt", weights_only=True), dict(source.state_dict()))
    winnow("prune", at / "in.pt", "--sparsity", "90%", "--out", at / "pruned.safetensors", "--set", "model.arch=resnet18")
    for form, masks in ("dense", []), ("torch", []), ("torch", ["--masks"]), ("dense", ["--masks"]):
        winnow("export", at / "pruned.safetensors", "--to", form, *masks, "--out", at / (form + str(len(masks))))
    dense, plain, masked = load_file(at / "dense0"), *(torch.load(at / f"torch{i}", weights_only=True, mmap=True) for i in (0, 1))
    same(plain, dense)
    model().load_state_dict(plain, strict=True)
    model().load_state_dict(dense, strict=True)
    pruned = model()
    for name, module in pruned.named_modules():
        if f"{name}.weight_mask" in masked:
            prune.identity(module, "weight")
    pruned.load_state_dict(masked, strict=True)
    for name, module in pruned.named_modules():
        if prune.is_pruned(module) and hasattr(module, "weight_mask"):
            prune.remove(module, "weight")
    same(dict(pruned.state_dict()), dense)
    save_file(dense, at / "again.safetensors")
    winnow("export", at / "again.safetensors", "--to", "dense", "--out", at / "again", "--set", "model.arch=resnet18")
    same(load_file(at / "again"), dense)
print("PyTorch reads what was written")
