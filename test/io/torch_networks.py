"""Logits of networks that PyTorch saved equal PyTorch's: torch_networks.py LOGITS [FOLDER [NAME ...]]. By hand, since it wants torchvision and timm.

LOGITS is the program made of test/io/logits.c. Every network has random weights and random statistics of batch norm, is saved in several ways,
opened by Winnow without being told its architecture, and run on the same random images."""
import os
import subprocess
import sys
import tempfile

import numpy
import safetensors.torch
import timm
import torch
import torch.nn.utils.prune
import torchvision

LIMIT = 1e-5  # of max|a-b| / max|b|
IMAGES = 2


def networks():
    for name in ("resnet18", "resnet34", "resnet50", "mobilenet_v2", "vgg16_bn"):
        yield "torchvision " + name, getattr(torchvision.models, name)(), name
    for name in ("resnet18", "resnet50"):
        yield "timm " + name, timm.create_model(name, num_classes=1000), name
    yield "torchvision resnet18, 37 classes", torchvision.models.resnet18(num_classes=37), "resnet18"


def shake(net):
    """Values that a network might have after training; of torchvision's start some logits would be all but zero."""
    for name, t in net.state_dict().items():
        if name.endswith("running_mean"):
            t.normal_(0, 0.1)
        elif name.endswith("running_var"):
            t.uniform_(0.5, 1.5)
        elif name.endswith("bias"):
            t.normal_(0, 0.05)


def files(net, folder):
    """Name, path, and the network whose logits the file is to give."""
    state = net.state_dict()
    path = os.path.join(folder, "net.pth")
    torch.save(state, path)
    yield "pth", path, net
    torch.save({"epoch": 3, "state_dict": {"module." + k: v for k, v in state.items()}}, path)
    yield "checkpoint of DataParallel", path, net
    torch.save({"model": {"_orig_mod.module." + k: v for k, v in state.items()}}, path)
    yield "compiled", path, net
    path = os.path.join(folder, "net.safetensors")
    safetensors.torch.save_file(state, path, metadata={"format": "pt"})
    yield "safetensors", path, net
    half = {k: v.half() if v.is_floating_point() else v for k, v in state.items()}
    safetensors.torch.save_file(half, path)
    rounded = {k: v.float() if v.is_floating_point() else v for k, v in half.items()}
    net.load_state_dict(rounded)
    yield "F16", path, net
    net.load_state_dict(state)
    if sum(v.numel() for v in state.values()) < 30e6:
        pruned = torch.nn.utils.prune
        masked = [m for m in net.modules() if isinstance(m, torch.nn.Conv2d)]
        for m in masked:
            pruned.random_unstructured(m, "weight", 0.5)
        path = os.path.join(folder, "pruned.pth")
        torch.save(net.state_dict(), path)
        yield "torch.nn.utils.prune", path, net


def logits(program, path, images, count):
    out = subprocess.run([program, path, "3", "224", "224"], input=images.numpy().tobytes(), capture_output=True)
    if out.returncode:
        return out.stderr.decode().strip()
    return numpy.frombuffer(out.stdout, dtype=numpy.float32).reshape(count, -1)


def main():
    torch.manual_seed(1)
    torch.set_num_threads(2)
    images = torch.randn(IMAGES, 3, 224, 224)
    wrong = 0
    with tempfile.TemporaryDirectory(dir=sys.argv[2] if len(sys.argv) > 2 else None) as folder:
        for title, net, name in networks():
            if len(sys.argv) > 3 and name not in sys.argv[3:]:
                continue
            shake(net)
            net.eval()
            for kind, path, like in files(net, folder):
                with torch.no_grad():
                    wanted = like(images).numpy()
                got = logits(sys.argv[1], path, images, IMAGES)
                if isinstance(got, str):
                    error, note = float("inf"), got
                elif got.shape != wanted.shape:
                    error, note = float("inf"), "%s for %s" % (got.shape, wanted.shape)
                else:
                    error, note = abs(got - wanted).max() / abs(wanted).max(), ""
                wrong += not error <= LIMIT
                print("%-34s %-28s %.1e %s" % (title, kind, error, note), flush=True)
    print("%d beyond %g" % (wrong, LIMIT))
    return wrong > 0


sys.exit(main())
