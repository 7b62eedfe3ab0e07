#!/usr/bin/env python3
"""A training step of ResNet-20 against PyTorch, from the same weights and batch.

    torch_step.py TORCH_DUMP BACKEND [IMAGES]

Runs TORCH_DUMP, repeats its step in float64, and compares loss, logits, the gradient of every parameter and the running statistics:
per tensor, the length of the difference over the length of the tensor. Exit status 0, 1 (too far apart), 77 (skipped)."""
import json
import os
import subprocess
import sys
import tempfile

SKIPPED = 77
TOLERANCE = {"loss": 1e-6, "logits": 1e-5, "gradient": 3e-5, "after": 1e-6}
# With float32 sums some value next to zero may fall on the other side of a ReLU, which moves gradients by the weight of one element.
# Each operation alone is held to 2e-5 by test_onednn.
GRADIENT_WITH_FLOAT32_SUMS = 3e-2

try:
    import torch
    import torch.nn.functional as F
except ImportError:
    print("skipped: no PyTorch for", sys.executable)
    sys.exit(SKIPPED)


def read_safetensors(path):
    dtypes = {"F32": torch.float32, "F64": torch.float64, "I32": torch.int32}
    with open(path, "rb") as file:
        header = json.loads(file.read(int.from_bytes(file.read(8), "little")))
        data = bytearray(file.read())
    tensors = {}
    for name, entry in header.items():
        if name == "__metadata__":
            continue
        begin, end = entry["data_offsets"]
        dtype = dtypes[entry["dtype"]]
        tensors[name] = torch.frombuffer(data[begin:end], dtype=dtype).reshape(entry["shape"])
    return tensors


def conv_norm(p, x, conv, norm, stride=1):
    weight = p[conv + ".weight"]
    y = F.conv2d(x, weight, stride=stride, padding=weight.shape[2] // 2)
    return F.batch_norm(y, p[norm + ".running_mean"], p[norm + ".running_var"], p[norm + ".weight"], p[norm + ".bias"],
                        training=True, momentum=0.1, eps=1e-5)


def resnet20(p, x):
    x = F.relu(conv_norm(p, x, "conv1", "bn1"))
    for stage in (1, 2, 3):
        for block in (0, 1, 2):
            name = f"layer{stage}.{block}"
            stride = 2 if stage > 1 and block == 0 else 1
            y = F.relu(conv_norm(p, x, name + ".conv1", name + ".bn1", stride))
            y = conv_norm(p, y, name + ".conv2", name + ".bn2")
            if stride == 2:
                x = conv_norm(p, x, name + ".downsample.0", name + ".downsample.1", stride)
            x = F.relu(y + x)
    return F.linear(x.mean((2, 3)), p["fc.weight"], p["fc.bias"])


def torch_step(ours):
    p = {}
    for name, value in ours.items():
        if name.startswith("before:"):
            p[name[7:]] = value.double().requires_grad_("running" not in name)
    logits = resnet20(p, ours["images"].double())
    loss = F.cross_entropy(logits, ours["labels"].long())
    loss.backward()
    theirs = {"loss": loss.detach(), "logits": logits.detach()}
    for name, value in p.items():
        if value.requires_grad:
            theirs["gradient:" + name] = value.grad
        else:
            theirs["after:" + name] = value
    return theirs


def compare(ours, theirs):
    """Largest relative distance per kind of tensor; True if all are near enough."""
    good = True
    worst = {}
    for name, want in theirs.items():
        kind = name.split(":")[0]
        distance = ((ours[name].double() - want).norm() / want.norm()).item()
        worst[kind] = max(worst.get(kind, (0.0, "")), (distance, name))
        if not distance <= TOLERANCE[kind]:
            print(f"FAILED: {name} is off by {distance:.3g} of its length, more than {TOLERANCE[kind]:g}")
            good = False
    for kind, (distance, name) in worst.items():
        print(f"{kind}: at most {distance:.2e} of the length ({name})")
    missing = {n for n in ours if ":" in n and not n.startswith("before:")} ^ {n for n in theirs if ":" in n}
    if missing:
        print("FAILED: only on one side:", ", ".join(sorted(missing)))
    return good and not missing


def main():
    dump, backend = sys.argv[1:3]
    images = sys.argv[3] if len(sys.argv) > 3 else "24"
    torch.set_num_threads(2)
    with tempfile.TemporaryDirectory() as folder:
        path = os.path.join(folder, "step.safetensors")
        done = subprocess.run([dump, backend, images, path], check=False)
        if done.returncode:
            return done.returncode
        ours = read_safetensors(path)
    print(f"backend {backend}, {images} images, PyTorch {torch.__version__}, {sum('gradient' in n for n in ours)} gradients")
    if backend != "ref":
        TOLERANCE["gradient"] = GRADIENT_WITH_FLOAT32_SUMS
    return 0 if compare(ours, torch_step(ours)) else 1


if __name__ == "__main__":
    sys.exit(main())
