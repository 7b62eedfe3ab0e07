#!/usr/bin/python3
"""PyTorch's dense training step on the CPU, for bench/compare_torch.py; with --inference its forward pass, for bench/compare_latency.py.

Networks, images and step are those of `winnow bench step`: zero gradients, forward, cross-entropy, backward, SGD with momentum 0.9 and
weight decay. bf16 is autocast. Each memory format is timed; one JSON object a line.
"""

import argparse
import json
import statistics
import time

import torch
from torch import nn
from torch.nn import functional


class Block(nn.Module):
    """Two 3x3 convolutions around a shortcut (arXiv:1512.03385); a projection where the shape changes."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.norms = nn.ModuleList(nn.BatchNorm2d(after) for _ in range(2))
        self.shortcut = nn.Sequential()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = torch.relu(self.norms[0](self.first(x)))
        return torch.relu(self.norms[1](self.second(y)) + self.shortcut(x))


def resnet(depth):
    layers, width = [nn.Conv2d(3, 16, 3, 1, 1, bias=False), nn.BatchNorm2d(16), nn.ReLU()], 16
    for stage in range(3):
        for i in range((depth - 2) // 6):
            layers.append(Block(width, 16 << stage, 2 if stage and i == 0 else 1))
            width = 16 << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)), (3, 32, 32)


class PreActivation(nn.Module):
    """Norms and ReLUs before the convolutions (arXiv:1605.07146); the projection reads what the first of them gives."""

    def __init__(self, before, after, stride):
        super().__init__()
        self.norms = nn.ModuleList((nn.BatchNorm2d(before), nn.BatchNorm2d(after)))
        self.first = nn.Conv2d(before, after, 3, stride, 1, bias=False)
        self.second = nn.Conv2d(after, after, 3, 1, 1, bias=False)
        self.shortcut = nn.Conv2d(before, after, 1, stride, bias=False) if stride != 1 or before != after else None

    def forward(self, x):
        active = torch.relu(self.norms[0](x))
        y = self.second(torch.relu(self.norms[1](self.first(active))))
        return y + (self.shortcut(active) if self.shortcut else x)


def wide_resnet(depth, widen):
    layers, width = [nn.Conv2d(3, 16, 3, 1, 1, bias=False)], 16
    for stage in range(3):
        after = (16 << stage) * widen
        for i in range((depth - 4) // 6):
            layers.append(PreActivation(width, after, 2 if stage and i == 0 else 1))
            width = after
    layers += [nn.BatchNorm2d(width), nn.ReLU(), nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, 10)]
    return nn.Sequential(*layers), (3, 32, 32)


def vgg16():
    layers, width = [], 3
    for group in ((64, 64), (128, 128), (256,) * 3, (512,) * 3, (512,) * 3):
        for out in group:
            layers += [nn.Conv2d(width, out, 3, 1, 1, bias=False), nn.BatchNorm2d(out), nn.ReLU()]
            width = out
        layers.append(nn.MaxPool2d(2))
    del layers[-1]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(512, 10)), (3, 32, 32)


def lenet_300_100():
    linear = [nn.Linear(784, 300), nn.ReLU(), nn.Linear(300, 100), nn.ReLU(), nn.Linear(100, 10)]
    return nn.Sequential(nn.Flatten(), *linear), (1, 28, 28)


def mlp_1024():
    linear = [nn.Linear(3072, 1024), nn.ReLU(), nn.Linear(1024, 1024), nn.ReLU(), nn.Linear(1024, 10)]
    return nn.Sequential(nn.Flatten(), *linear), (3, 32, 32)



class Bottleneck(nn.Module):
    """1x1, 3x3 with the stride, 1x1 around a shortcut (arXiv:1512.03385, v1.5)."""

    def __init__(self, before, width, stride):
        super().__init__()
        after = 4 * width
        self.convolutions = nn.ModuleList((nn.Conv2d(before, width, 1, bias=False), nn.Conv2d(width, width, 3, stride, 1, bias=False),
                                           nn.Conv2d(width, after, 1, bias=False)))
        self.norms = nn.ModuleList(nn.BatchNorm2d(c) for c in (width, width, after))
        self.shortcut = nn.Sequential()
        if stride != 1 or before != after:
            self.shortcut = nn.Sequential(nn.Conv2d(before, after, 1, stride, bias=False), nn.BatchNorm2d(after))

    def forward(self, x):
        y = x
        for convolution, norm in list(zip(self.convolutions, self.norms))[:2]:
            y = torch.relu(norm(convolution(y)))
        return torch.relu(self.norms[2](self.convolutions[2](y)) + self.shortcut(x))


def resnet50():
    layers, before = [nn.Conv2d(3, 64, 7, 2, 3, bias=False), nn.BatchNorm2d(64), nn.ReLU(), nn.MaxPool2d(3, 2, 1)], 64
    for stage, blocks in enumerate((3, 4, 6, 3)):
        for i in range(blocks):
            layers.append(Bottleneck(before, 64 << stage, 2 if stage and i == 0 else 1))
            before = 256 << stage
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, 1000)), (3, 224, 224)


MODELS = {"resnet20": lambda: resnet(20), "resnet56": lambda: resnet(56), "vgg16": vgg16, "lenet-300-100": lenet_300_100,
          "wrn-22-2": lambda: wide_resnet(22, 2), "mlp-1024": mlp_1024, "resnet50": resnet50}


def measure(options, memory_format):
    torch.manual_seed(0)
    net, shape = MODELS[options.model]()
    net = net.to(memory_format=memory_format)
    images = torch.randn(options.batch, *shape).contiguous(memory_format=memory_format)
    labels = torch.arange(options.batch) % 10
    optimizer = torch.optim.SGD(net.parameters(), 0.01, momentum=0.9, weight_decay=1e-4)

    def infer():
        with torch.no_grad():
            net(images)

    def train():
        optimizer.zero_grad(set_to_none=True)
        with torch.autocast("cpu", dtype=torch.bfloat16, enabled=options.dtype == "bf16"):
            loss = functional.cross_entropy(net(images), labels)
        loss.backward()
        optimizer.step()

    net.train(not options.inference)
    step = infer if options.inference else train
    for _ in range(3):
        step()
    seconds = []
    for _ in range(options.runs):
        start = time.perf_counter()
        step()
        seconds.append(time.perf_counter() - start)
    return 1e3 * statistics.median(seconds), 1e3 * min(seconds)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--model", choices=MODELS, default="resnet20")
    parser.add_argument("--dtype", choices=("f32", "bf16"), default="f32")
    parser.add_argument("--batch", type=int, default=128)
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--runs", type=int, default=15)
    parser.add_argument("--inference", action="store_true", help="forward only, running statistics; float32")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    for name, memory_format in (("nchw", torch.contiguous_format), ("nhwc", torch.channels_last)):
        median, least = measure(options, memory_format)
        print(json.dumps({"peer": "torch " + torch.__version__, "model": options.model, "dtype": options.dtype, "batch": options.batch,
                          "threads": options.threads, "format": name, "ms_median": round(median, 3), "ms_min": round(least, 3)}), flush=True)


if __name__ == "__main__":
    main()
