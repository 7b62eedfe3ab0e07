#!/usr/bin/python3
"""A network trained by PyTorch, pruned and retrained by Winnow and by PyTorch: own_network.py WINNOW CIFAR_FOLDER [OPTIONS].

PyTorch trains a ResNet-20 on CIFAR-10 and saves it. Both prune its convolutions by magnitude over all layers, fine-tune what is left, with hard labels and
with soft labels of the dense network (T 5, alpha 0.9, mean over batch and classes), by the same optimizer and schedule, for several seeds of the data's order.
Printed: accuracy of the dense network in both, whether masks are the same, accuracies with their mean difference and its 95 % interval."""
import argparse
import json
import lzma
import math
import os
import pathlib
import subprocess
import sys

import numpy
import safetensors.torch
import torch
import torch.nn.utils.prune
from torch import nn
from torch.nn import functional

MEAN, STD = (0.4914, 0.4822, 0.4465), (0.2470, 0.2435, 0.2616)
T_QUANTILE = {2: 12.706, 3: 4.303, 4: 3.182, 5: 2.776, 6: 2.571, 7: 2.447, 8: 2.365, 9: 2.306, 10: 2.262}


class Block(nn.Module):
    def __init__(self, before, after, stride):
        super().__init__()
        self.conv1 = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.bn1 = nn.BatchNorm2d(after)
        self.conv2 = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.bn2 = nn.BatchNorm2d(after)
        self.downsample = None
        if stride != 1 or before != after:
            self.downsample = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = self.bn2(self.conv2(torch.relu(self.bn1(self.conv1(x)))))
        return torch.relu(y + (self.downsample(x) if self.downsample else x))


class ResNet20(nn.Module):
    def __init__(self):
        super().__init__()
        self.conv1, self.bn1, width = nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), 16
        for stage in range(3):
            blocks = []
            for i in range(3):
                blocks.append(Block(width, 16 << stage, 2 if stage and i == 0 else 1))
                width = 16 << stage
            setattr(self, "layer%d" % (stage + 1), nn.Sequential(*blocks))
        self.fc = nn.Linear(64, 10)

    def forward(self, x):
        x = torch.relu(self.bn1(self.conv1(x)))
        x = self.layer3(self.layer2(self.layer1(x)))
        return self.fc(x.mean((2, 3)))


def unpacked(path):
    return lzma.open(path + ".xz").read() if os.path.exists(path + ".xz") else pathlib.Path(path).read_bytes()


def read(folder, names, limit):
    raw = numpy.concatenate([numpy.frombuffer(unpacked(os.path.join(folder, name)), numpy.uint8).reshape(-1, 3073) for name in names])[:limit]
    images = torch.from_numpy(raw[:, 1:].reshape(-1, 3, 32, 32).copy()).float() / 255
    return images, torch.from_numpy(raw[:, 0].astype(numpy.int64))


def normal(x):
    return (x - torch.tensor(MEAN).view(3, 1, 1)) / torch.tensor(STD).view(3, 1, 1)


def augment(x, generator):
    """Pad by 4 black pixels, crop, flip: of each image anew."""
    n = len(x)
    padded = functional.pad(x, (4, 4, 4, 4))
    rows, columns, flips = (torch.randint(0, k, (n,), generator=generator) for k in (9, 9, 2))
    return torch.stack([(p[:, r:r + 32, c:c + 32].flip(2) if f else p[:, r:r + 32, c:c + 32]) for p, r, c, f in zip(padded, rows, columns, flips)])


def accuracy(net, images, labels):
    net.eval()
    with torch.no_grad():
        right = sum((net(normal(images[i:i + 500])).argmax(1) == labels[i:i + 500]).sum().item() for i in range(0, len(images), 500))
    return 100 * right / len(images)


def train(net, data, epochs, rate, seed, o, teacher=None):
    images, labels = data
    generator = torch.Generator().manual_seed(seed)
    optimizer = torch.optim.SGD(net.parameters(), lr=rate, momentum=0.9, weight_decay=1e-4)
    steps = epochs * math.ceil(len(images) / o.batch)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda s: 0.5 * (1 + math.cos(math.pi * s / steps)))
    for _ in range(epochs):
        net.train()
        order = torch.randperm(len(images), generator=generator)
        for i in range(0, len(images), o.batch):
            x, y = normal(augment(images[order[i:i + o.batch]], generator)), labels[order[i:i + o.batch]]
            z = net(x)
            loss = functional.cross_entropy(z, y)
            if teacher:
                with torch.no_grad():
                    u = teacher(x)
                loss = 0.1 * loss + 0.9 * 25 * functional.kl_div(functional.log_softmax(z / 5, 1), functional.softmax(u / 5, 1), reduction="mean")
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            schedule.step()
    return net


def load(path):
    net = ResNet20()
    net.load_state_dict(torch.load(path))
    return net


def pruned(path, sparsity):
    net = load(path)
    torch.nn.utils.prune.global_unstructured([(m, "weight") for m in net.modules() if isinstance(m, nn.Conv2d)],
                                             torch.nn.utils.prune.L1Unstructured, amount=sparsity / 100)
    return net


def recipe(o, folder):
    return """name: own
data: {set: cifar10, validation: none, train_size: %d, normalize: cifar10, augment: [pad-crop-4, flip]}
model: {arch: resnet20, weights: %s}
train:
  epochs: %d
  batch: %d
  optimizer: {sgd: {momentum: 0.9, weight_decay: 1e-4}}
  lr: {cosine: {base: %g}}
compare: {methods: [dense, lr-rewind, kd-lr-rewind], sparsity: [%s], seeds: 0-%d}
""" % (o.images, folder / "dense.pth", o.epochs, o.batch, o.rate, ", ".join("%d%%" % s for s in o.sparsities), o.seeds - 1)


def run_winnow(o, folder):
    (folder / "own.yaml").write_text(recipe(o, folder))
    subprocess.run([o.winnow, "run", "own.yaml", "--data-dir", o.cifar.parent, "--quiet", "--threads", str(o.threads)], cwd=folder, check=True, stdout=subprocess.DEVNULL)
    return json.loads((folder / "winnow-runs/own/results.json").read_text())


def same_masks(o, folder, results, path, sparsity):
    """Entries of the masks that differ."""
    for row in results["rows"]:
        if row["method"] == "lr-rewind" and abs(row["sparsity"] - sparsity / 100) < 1e-9:
            final, dense = folder / "winnow-runs" / "stages" / row["stage"][:16] / "final.safetensors", folder / "sparse.safetensors"
            subprocess.run([o.winnow, "export", final, "--to", "dense", "--masks", "--out", dense, "--quiet"], check=True, stdout=subprocess.DEVNULL)
            state = safetensors.torch.load_file(str(dense))
            ours = {k[:-5]: v for k, v in state.items() if k.endswith("_mask")}
            theirs = {n + ".weight": m.weight_mask for n, m in pruned(path, sparsity).named_modules() if isinstance(m, nn.Conv2d)}
            return sum(int((ours[k].bool() != theirs[k].bool()).sum()) for k in theirs)
    return None


def interval(values):
    n, mean = len(values), sum(values) / len(values)
    if n < 2:
        return "%+.2f" % mean
    deviation = math.sqrt(sum((v - mean) ** 2 for v in values) / (n - 1))
    return "%+.2f ± %.2f" % (mean, T_QUANTILE.get(n, 2) * deviation / math.sqrt(n))


def compare(o, folder):
    data = read(o.cifar, ["data_batch_%d.bin" % i for i in range(1, 6)], o.images)
    test = read(o.cifar, ["test_batch.bin"], None)
    path = folder / "dense.pth"
    if not path.exists():
        torch.save(train(ResNet20(), data, o.dense_epochs, 0.1, 1, o).state_dict(), path)
    results = run_winnow(o, folder)
    own = {(r["method"], round(100 * r["sparsity"]), r["seed"]): 100 * r["test_accuracy"] for r in results["rows"]}
    print("dense network of %d epochs by PyTorch: %.2f %% in PyTorch, %.2f %% in Winnow" % (o.dense_epochs, accuracy(load(path), *test), own["dense", 0, 0]), flush=True)
    print("| sparsity | masks differ in | method | PyTorch | Winnow | difference |\n|---|---|---|---|---|---|", flush=True)
    for sparsity in o.sparsities:
        differ = same_masks(o, folder, results, path, sparsity)
        for method in ("lr-rewind", "kd-lr-rewind"): # the schedule again, as PyTorch has it here
            theirs = [accuracy(train(pruned(path, sparsity), data, o.epochs, o.rate, 100 + s, o, load(path).eval() if method[0] == "k" else None), *test)
                      for s in range(o.seeds)]
            ours = [own[method, sparsity, s] for s in range(o.seeds)]
            print("| %d %% | %s entries | `%s` | %.2f | %.2f | %s |" % (sparsity, differ, method, sum(theirs) / o.seeds, sum(ours) / o.seeds,
                                                                 interval([a - b for a, b in zip(ours, theirs)])), flush=True)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("winnow", type=pathlib.Path)
    parser.add_argument("cifar", type=pathlib.Path, help="the folder of the binary files, which lies in Winnow's data folder")
    parser.add_argument("--folder", type=pathlib.Path, default=pathlib.Path("own-network"))
    parser.add_argument("--images", type=int, default=50000)
    parser.add_argument("--dense-epochs", type=int, default=30)
    parser.add_argument("--epochs", type=int, default=15)
    parser.add_argument("--rate", type=float, default=0.02)
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--seeds", type=int, default=5)
    parser.add_argument("--sparsities", type=int, nargs="+", default=[80, 90, 95])
    parser.add_argument("--threads", type=int, default=2)
    o = parser.parse_args()
    o.winnow, o.cifar, folder = o.winnow.resolve(), o.cifar.resolve(), o.folder.resolve()
    folder.mkdir(parents=True, exist_ok=True)
    torch.set_num_threads(o.threads)
    torch.manual_seed(1)
    compare(o, folder)


sys.exit(main())
