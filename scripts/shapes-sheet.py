#!/usr/bin/env python3
"""Draw the contact sheet of the embedded data set `shapes`: one row per class, the first samples of the training range.

  scripts/shapes-sheet.py [--out docs/shapes.png] [--columns 12] [--seed 0] [--zoom 2]

Compiles src/data/shapes.c by itself ($CC, else cc) and needs nothing beyond Python's standard library.
"""
import argparse, ctypes, os, struct, subprocess, tempfile, zlib

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SIDE, CLASSES, GAP = 32, 10, 2


def load_generator(folder):
    library = os.path.join(folder, "shapes.so")
    subprocess.run([os.environ.get("CC", "cc"), "-std=c17", "-O2", "-ffp-contract=off", "-fPIC", "-shared", "-I", os.path.join(ROOT, "src"),
                    os.path.join(ROOT, "src/data/shapes.c"), "-o", library, "-lm"], check=True)
    draw = ctypes.CDLL(library).wn__shapes_image
    draw.argtypes = [ctypes.c_uint64, ctypes.c_uint64, ctypes.c_void_p, ctypes.POINTER(ctypes.c_int)]
    draw.restype = None
    return draw


def first_samples(draw, seed, columns):
    """For each class its first `columns` images, as planar bytes."""
    rows, pixels, label, index = [[] for _ in range(CLASSES)], ctypes.create_string_buffer(3 * SIDE * SIDE), ctypes.c_int(), 0
    while any(len(row) < columns for row in rows):
        draw(seed, index, pixels, ctypes.byref(label))
        if len(rows[label.value]) < columns:
            rows[label.value].append(pixels.raw)
        index += 1
    return rows


def sheet(rows, columns, zoom):
    """The images on white, enlarged without smoothing: (width, height, RGB bytes)."""
    cell = SIDE * zoom + GAP
    width, height = columns * cell + GAP, len(rows) * cell + GAP
    canvas = bytearray(b"\xff" * (3 * width * height))
    for r, row in enumerate(rows):
        for c, image in enumerate(row):
            for y in range(SIDE * zoom):
                line = (y // zoom) * SIDE
                at = 3 * ((r * cell + GAP + y) * width + c * cell + GAP)
                for x in range(SIDE * zoom):
                    source = line + x // zoom
                    canvas[at + 3 * x:at + 3 * x + 3] = image[source::SIDE * SIDE]
    return width, height, bytes(canvas)


def write_png(path, width, height, rgb):
    def chunk(kind, body):
        return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))

    lines = b"".join(b"\0" + rgb[3 * width * y:3 * width * (y + 1)] for y in range(height))
    with open(path, "wb") as file:
        file.write(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)))
        file.write(chunk(b"IDAT", zlib.compress(lines, 9)) + chunk(b"IEND", b""))


def main():
    parser = argparse.ArgumentParser(description="Draw the contact sheet of the data set shapes.")
    parser.add_argument("--out", default=os.path.join(ROOT, "docs/shapes.png"))
    parser.add_argument("--columns", type=int, default=12)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--zoom", type=int, default=2)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        rows = first_samples(load_generator(folder), options.seed, options.columns)
    write_png(options.out, *sheet(rows, options.columns, options.zoom))


if __name__ == "__main__":
    main()
