"""Tensors that Winnow reads from files of torch.save equal those saved: torch_files.py TENSOR_DUMP. Exit code 77: no PyTorch here."""
import argparse
import collections
import copy
import hashlib
import os
import subprocess
import sys
import tempfile

try:
    import torch
except ImportError:
    print("skipped: no PyTorch for", sys.executable)
    sys.exit(77)

try:
    import torchvision
except ImportError:
    torchvision = None

NAMES = {torch.float32: "F32", torch.float64: "F64", torch.float16: "F16", torch.bfloat16: "BF16", torch.int64: "I64", torch.int32: "I32",
         torch.int16: "I16", torch.int8: "I8", torch.uint8: "U8", torch.bool: "BOOL"}


def described(name, t):
    raw = t.detach().contiguous().reshape(-1).view(torch.uint8).numpy().tobytes() if t.numel() else b""
    return "%s %s (%s) %s" % (name, NAMES[t.dtype], ",".join(map(str, t.shape)), hashlib.sha256(raw).hexdigest())


def tensors():
    base = torch.randn(4, 5, 6)
    found = {"plain": base, "transposed": base.transpose(0, 2), "part": base[1:3, ::2, 1], "expanded": torch.randn(3, 1).expand(3, 7),
             "one number": torch.tensor(2.5), "empty": torch.zeros(0, 3), "channels last": torch.randn(2, 3, 4, 5).to(memory_format=torch.channels_last),
             "parameter": torch.nn.Parameter(torch.randn(3)), "tied": base, "six": torch.randn(1, 2, 1, 2, 1, 2), "name.with.ümlaut": torch.ones(1)}
    for dtype in NAMES:
        found[str(dtype)] = torch.randint(0, 2, (3, 5)).to(dtype)
    return found


def network():
    return torch.nn.Sequential(torch.nn.Conv2d(3, 8, 3), torch.nn.BatchNorm2d(8), torch.nn.Flatten(), torch.nn.Linear(8, 2))


def networks():
    yield "sequential", network()
    yield "parallel", torch.nn.DataParallel(network())
    yield "half", network().half()
    if torchvision:
        for name in ("resnet18", "mobilenet_v2"):
            yield name, getattr(torchvision.models, name)()


def read_files(folder):
    """Pairs of a path and what it is to give: lines, or a part of the message that refuses it."""
    def save(name, what, wanted, **options):
        path = os.path.join(folder, name)
        torch.save(what, path, **options)
        return path, wanted

    flat = tensors()
    lines = [described(name, t) for name, t in flat.items()]
    for protocol in (2, 3, 4, 5):
        yield save("protocol-%d.pth" % protocol, flat, lines, pickle_protocol=protocol)
    yield save("ordered.pth", collections.OrderedDict(flat), lines)
    yield save("list.pth", [flat["plain"], {"x": flat["part"]}], [described("0", flat["plain"]), described("1.x", flat["part"])])
    for name, net in networks():
        state = net.state_dict()
        lines = [described(key, t) for key, t in state.items()]
        yield save(name + ".pth", state, lines)
        optimizer = torch.optim.SGD(net.parameters(), lr=0.1, momentum=0.9)
        for key in ("state_dict", "model", "model_state_dict", "module"):
            yield save(name + "-" + key + ".pt", {"epoch": 3, "best": 0.75, "name": "x", "none": None, "flag": True, "huge": 1 << 70, "args": (1, [2, "three"]),
                                                  "optimizer": optimizer.state_dict(), key: state}, lines)
    state = network().state_dict()
    way_out = "save the weights alone: torch.save(model.state_dict(), NEW)"
    yield save("old.pth", state, "before PyTorch 1.6", _use_new_zipfile_serialization=False)
    yield save("module.pth", network(), way_out)
    yield save("namespace.pth", {"state_dict": state, "args": argparse.Namespace(x=1)}, "'argparse.Namespace'")
    yield save("hostile.pth", {"state_dict": state, "x": Hostile()}, "system'")
    yield save("numbers.pth", {"epoch": 3}, "without tensors")
    yield save("sparse.pth", {"w": torch.eye(3).to_sparse()}, "_rebuild_sparse_tensor'")
    yield save("complex.pth", {"w": torch.zeros(2, dtype=torch.complex64)}, "ComplexFloatStorage'")
    script = os.path.join(folder, "script.pt")
    torch.jit.trace(network().eval(), torch.zeros(1, 3, 3, 3)).save(script)
    yield script, "TorchScript archive"


class Hostile:
    def __reduce__(self):
        return os.system, ("exit 1",)


def main():
    torch.manual_seed(1)
    wrong = 0
    with tempfile.TemporaryDirectory() as folder:
        files = list(read_files(folder))
        out = subprocess.run([sys.argv[1]], input="".join(path + "\n" for path, _ in files), capture_output=True, text=True, check=True).stdout
        lines = iter(out.splitlines())
        for path, wanted in files:
            got = []
            for line in lines:
                if line == "end":
                    break
                got.append(line)
                if line.startswith("failed "):
                    break
            right = got == wanted if isinstance(wanted, list) else len(got) == 1 and got[0].startswith("failed ") and wanted in got[0]
            if not right:
                print("%s: %s, not %s" % (os.path.basename(path), got[:3], wanted[:3] if isinstance(wanted, list) else wanted))
                wrong += 1
    print("%d files of PyTorch %s: %d read wrongly" % (len(files), torch.__version__, wrong))
    return wrong > 0


sys.exit(main())
