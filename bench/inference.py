#!/usr/bin/env python3
"""Inference of sparse networks on Winnow beside OpenVINO, onnxruntime and MNN, which run the very same network, in turn, and a table.

    bench/inference.py --python ~/venv/bin/python                     # ResNet-50 at 90 %, one image, one thread, then two
    bench/inference.py --networks resnet50 resnet20 mobilenet-v1 --sparsity 90% 95% --batch 1 32
    bench/inference.py --networks resnet50 --sparsity 0% --peers openvino
    bench/inference.py --no-amx                                       # peers without AMX, where the machine has it
    bench/inference.py --json > inference.json

Networks have random weights; zeros are as many in each layer but the first, which is dense, and depthwise layers (`winnow bench infer --layers`).
`winnow export --to onnx` gives them to the peers. A round runs Winnow and then each peer, each in a process of its own; the table has the median of
medians over rounds and the least of all times; ratios are peer by Winnow, of medians, and in brackets of least times: under load, trust
those. "distance" is the largest between outputs of a peer and of the first one, by their largest: it shows that they ran the same network.

Peers are Python packages of --python (pip install openvino onnxruntime onnx MNN); one that is not there is left out, and said so:

    openvino, openvino-bf16     float32; with bfloat16 where OpenVINO likes
    openvino-int8               the file of onnxruntime-int8
    onnxruntime                 float32
    onnxruntime-int8            quantized by onnxruntime (QDQ, by channel, calibrated on random images): what users take for speed
    mnn, mnn-sparse             float32; the latter converted with its detection of sparse weights
"""

import argparse
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
import time

HERE = os.path.dirname(os.path.abspath(__file__))
PEERS = ["openvino", "openvino-bf16", "openvino-int8", "onnxruntime", "onnxruntime-int8", "mnn", "mnn-sparse"]
PACKAGE = {"openvino": "openvino", "onnxruntime": "onnxruntime", "mnn": "MNN"}
NO_AMX = {"ONEDNN_MAX_CPU_ISA": "AVX512_CORE_BF16", "DNNL_MAX_CPU_ISA": "AVX512_CORE_BF16"}
WARM_SECONDS = 0.2


def package_of(peer):
    return PACKAGE[peer.split("-")[0]]


# ---- the peers: run as `inference.py --peer NAME ...` by the Python that has them


def openvino_session(options, shape):
    import openvino

    core = openvino.Core()
    model = core.read_model(options.file)
    model.reshape(shape)
    settings = {
        "PERFORMANCE_HINT": "LATENCY",
        "INFERENCE_NUM_THREADS": options.threads,
        "NUM_STREAMS": "1",
        "INFERENCE_PRECISION_HINT": "bf16" if options.peer == "openvino-bf16" else "f32",
    }
    compiled = core.compile_model(model, "CPU", settings)
    request = compiled.create_infer_request()
    kinds = set()
    for node in compiled.get_runtime_model().get_ops():
        info = node.get_rt_info()
        if "primitiveType" in info:
            kinds.add(info["primitiveType"].astype(str))
    return lambda x: request.infer([x])[compiled.outputs[0]], {"version": openvino.__version__, "amx": any("amx" in kind for kind in kinds)}


def onnxruntime_session(options, shape):
    import onnxruntime

    settings = onnxruntime.SessionOptions()
    settings.intra_op_num_threads = options.threads
    settings.inter_op_num_threads = 1
    session = onnxruntime.InferenceSession(options.file, settings, providers=["CPUExecutionProvider"])
    name = session.get_inputs()[0].name
    return lambda x: session.run(None, {name: x})[0], {"version": onnxruntime.__version__}


def mnn_session(options, shape):
    import MNN
    import numpy

    interpreter = MNN.Interpreter(options.file)
    session = interpreter.createSession({"backend": "CPU", "numThread": options.threads, "precision": "high"})
    source = interpreter.getSessionInput(session)
    interpreter.resizeTensor(source, tuple(shape))
    interpreter.resizeSession(session)
    result = interpreter.getSessionOutput(session)
    host = MNN.Tensor(result.getShape(), MNN.Halide_Type_Float, numpy.zeros(result.getShape(), numpy.float32), MNN.Tensor_DimensionType_Caffe)

    def infer(x):
        source.copyFrom(MNN.Tensor(tuple(shape), MNN.Halide_Type_Float, x, MNN.Tensor_DimensionType_Caffe))
        interpreter.runSession(session)
        result.copyToHostTensor(host)
        return numpy.array(host.getNumpyData()).reshape(shape[0], -1)

    return infer, {"version": MNN.version()}


def run_peer(options):
    """One peer on one file: a line of JSON."""
    import numpy

    shape = [options.batch[0], *options.input]
    x = numpy.fromfile(options.images, numpy.float32).reshape(shape)
    make = {"openvino": openvino_session, "onnxruntime": onnxruntime_session, "MNN": mnn_session}[package_of(options.peer)]
    start = time.perf_counter()
    infer, about = make(options, shape)
    opened = time.perf_counter() - start
    outputs = numpy.array(infer(x))
    first = time.perf_counter() - start
    while time.perf_counter() - start < first + WARM_SECONDS:
        infer(x)
    times = []
    begin = time.perf_counter()
    while len(times) < 20 or time.perf_counter() - begin < options.seconds:
        before = time.perf_counter()
        infer(x)
        times.append(time.perf_counter() - before)
    if options.outputs:
        outputs.astype(numpy.float32).tofile(options.outputs)
    times.sort()
    print(json.dumps({"ms_median": 1e3 * statistics.median(times), "ms_min": 1e3 * times[0], "ms_open": 1e3 * opened, "ms_first": 1e3 * first,
                      "runs": len(times), **about}))


def quantize(options):
    """A file of 8-bit weights and activations."""
    import numpy
    from onnxruntime import quantization
    from onnxruntime.quantization.shape_inference import quant_pre_process

    class Images(quantization.CalibrationDataReader):
        def __init__(self):
            draw = numpy.random.default_rng(0)
            shape = [4, *options.input]
            self.batches = iter([{"input": draw.standard_normal(shape).astype(numpy.float32)} for _ in range(4)])

        def get_next(self):
            return next(self.batches, None)

    with tempfile.TemporaryDirectory() as folder:
        prepared = os.path.join(folder, "prepared.onnx")
        quant_pre_process(options.file, prepared)
        quantization.quantize_static(prepared, options.outputs, Images(), per_channel=True)


def convert_mnn(options):
    """By the converter itself: its command also reports what it does to its makers."""
    import MNN  # noqa: F401
    import _tools

    sparse = ["--detectSparseSpeedUp"] if options.peer == "mnn-sparse" else []
    _tools.mnnconvert(["mnnconvert", "-f", "ONNX", "--modelFile", options.file, "--MNNModel", options.outputs, "--bizCode", "winnow", *sparse])


# ---- the whole


def run(command, environment=None):
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, universal_newlines=True, env={**os.environ, **(environment or {})})
    if done.returncode != 0:
        raise RuntimeError(f"{' '.join(command[:4])} ...: {(done.stderr or done.stdout).strip().splitlines()[-1:]}")
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def tell(text):
    print(text, file=sys.stderr, flush=True)


def there(options, package):
    found = subprocess.run([options.python, "-c", f"import {package}"], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    return found.returncode == 0


class Network:
    """Its files: weights, ONNX, and what peers need made of it."""

    def __init__(self, options, folder, name, sparsity):
        self.options, self.folder, self.name, self.sparsity = options, folder, name, sparsity
        self.weights, self.onnx = os.path.join(folder, "net.safetensors"), os.path.join(folder, "net.onnx")
        zeros = [] if sparsity in ("0", "0%") else ["--sparsity", sparsity, "--layers", self.layers()]
        run([options.winnow, "bench", "infer", name, *zeros, "--runs", "1", "--out", self.weights, "--json"])
        shown = run([options.winnow, "export", self.weights, "--to", "onnx", "--out", self.onnx, "--json"])[0]
        self.input = [shown["channels"], shown["height"], shown["width"]]

    def layers(self):
        return '[all, "!depthwise"]' if self.name.startswith("mobilenet") else "all"

    def call(self, *arguments):
        return [self.options.python, os.path.abspath(__file__), "--input", *map(str, self.input), *arguments]

    def file_of(self, peer):
        name = {"openvino-int8": "int8.onnx", "onnxruntime-int8": "int8.onnx", "mnn": "net.mnn", "mnn-sparse": "sparse.mnn"}.get(peer)
        path = os.path.join(self.folder, name) if name else self.onnx
        if not os.path.exists(path):
            how = "--quantize" if name == "int8.onnx" else "--convert-mnn"
            run(self.call(how, "--peer", peer, "--file", self.onnx, "--outputs", path))
        return path

    def time_winnow(self, batch, threads):
        return run([self.options.winnow, "bench", "infer", self.weights, "--batch", str(batch), "--threads", str(threads), "--json"])[0]

    def time_peer(self, peer, batch, threads, outputs=None):
        images = os.path.join(self.folder, f"images-{batch}")
        if not os.path.exists(images):
            write_images(images, batch, self.input)
        arguments = ["--peer", peer, "--file", self.file_of(peer), "--batch", str(batch), "--threads", str(threads), "--images", images,
                     "--seconds", str(self.options.seconds)]
        return run(self.call(*arguments, *(["--outputs", outputs] if outputs else [])), NO_AMX if self.options.no_amx else None)[0]


def write_images(path, batch, size):
    import array
    import random

    draw = random.Random(0)
    count = batch * size[0] * size[1] * size[2]
    with open(path, "wb") as file:
        array.array("f", [draw.gauss(0, 1) for _ in range(count)]).tofile(file)


def read_floats(path):
    import array

    values = array.array("f")
    with open(path, "rb") as file:
        values.frombytes(file.read())
    return values


def distance(path, reference):
    got, want = read_floats(path), read_floats(reference)
    return max(abs(a - b) for a, b in zip(got, want)) / max(abs(b) for b in want) if len(got) == len(want) else float("nan")


def measure(options, network, batch, threads, peers):
    """Records by name, in rounds; and how far each peer's outputs are from those of the first."""
    found, distances, reference = {}, {}, None
    for turn in range(options.rounds):
        found.setdefault("winnow", []).append(network.time_winnow(batch, threads))
        for peer in list(peers):
            outputs = os.path.join(network.folder, f"{peer}.out") if turn == 0 else None
            try:
                found.setdefault(peer, []).append(network.time_peer(peer, batch, threads, outputs))
            except RuntimeError as fault:
                tell(f"{peer} left out of {network.name}: {fault}")
                peers.remove(peer)
                found.pop(peer, None)
                continue
            if outputs:
                reference = reference or outputs
                distances[peer] = distance(outputs, reference)
    return found, distances


def median(records):
    return statistics.median(record["ms_median"] for record in records)


def least(records):
    return min(record["ms_min"] for record in records)


def cpu():
    name, flags = platform.processor(), ""
    try:
        with open("/proc/cpuinfo") as file:
            for line in file:
                key, _, value = line.partition(":")
                name = value.strip() if key.strip() == "model name" else name
                flags = value if key.strip() == "flags" else flags
    except OSError:
        pass
    return name, sorted(flag for flag in set(flags.split()) if flag.startswith("amx") or flag in ("avx2", "avx512f", "avx512_bf16"))


def print_rows(options, network, batch, threads, found, distances):
    for name, records in found.items():
        row = {"network": network.name, "sparsity": network.sparsity, "batch": batch, "threads": threads, "row": name}
        if options.json:
            for record in records:
                print(json.dumps({**record, **row, "distance": distances.get(name)}), flush=True)
            continue
        ratio = f"{median(records) / median(found['winnow']):.2f} ({least(records) / least(found['winnow']):.2f})"
        amx = {True: "yes", False: "no"}.get(records[0].get("amx"), "")
        far = f"{distances[name]:.1e}" if name in distances else ""
        print(f"| {network.name} | {network.sparsity} | {batch} | {threads} | {name} | {median(records):.3f} | {least(records):.3f} | {ratio} "
              f"| {records[0]['ms_open']:.0f} | {records[0]['ms_first']:.0f} | {amx} | {far} |", flush=True)


def compare(options):
    peers = [peer for peer in options.peers if there(options, package_of(peer))]
    for peer in options.peers:
        if peer not in peers:
            tell(f"{peer} left out: {options.python} has no package {package_of(peer)}")
    name, flags = cpu()
    tell(f"{name}; {' '.join(flags)}; {os.cpu_count()} CPUs; peers {'without AMX' if options.no_amx else 'as they come'}")
    if not options.json:
        print("| network | zeros | batch | threads | | ms | least | by Winnow's | open ms | first ms | AMX | distance |")
        print("|---|---|---|---|---|---|---|---|---|---|---|---|")
    for model in options.networks:
        for sparsity in options.sparsity:
            with tempfile.TemporaryDirectory() as folder:
                network, usable = Network(options, folder, model, sparsity), list(peers)
                for batch in options.batch:
                    for threads in options.threads:
                        print_rows(options, network, batch, threads, *measure(options, network, batch, threads, usable))
    return 0


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--networks", nargs="+", default=["resnet50"])
    parser.add_argument("--sparsity", nargs="+", default=["90%"])
    parser.add_argument("--batch", nargs="+", type=int, default=[1])
    parser.add_argument("--threads", nargs="+", type=int, default=[1, 2])
    parser.add_argument("--peers", nargs="+", choices=PEERS, default=PEERS)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=2, help="of a peer's timed runs in a round")
    parser.add_argument("--no-amx", action="store_true", help="peers without AMX (ONEDNN_MAX_CPU_ISA); the column AMX says whether it helped")
    parser.add_argument("--winnow", default=os.path.join(HERE, "..", "build", "winnow"))
    parser.add_argument("--python", default=sys.executable, help="the one that has the peers")
    parser.add_argument("--json", action="store_true", help="every record, and no table")
    for own in ("--peer", "--file", "--images", "--outputs"):  # of the processes that this script starts
        parser.add_argument(own, help=argparse.SUPPRESS)
    parser.add_argument("--input", nargs=3, type=int, help=argparse.SUPPRESS)
    parser.add_argument("--quantize", action="store_true", help=argparse.SUPPRESS)
    parser.add_argument("--convert-mnn", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.peer:
        options.threads = options.threads[0]
        return (quantize if options.quantize else convert_mnn if options.convert_mnn else run_peer)(options)
    return compare(options)


if __name__ == "__main__":
    sys.exit(main())
