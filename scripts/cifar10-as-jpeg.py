#!/usr/bin/env python3
"""Writes CIFAR-10 as class folders of JPEG files, as people keep pictures of their own (needs Pillow):

    scripts/cifar10-as-jpeg.py FOLDER TO [--quality 95]

FOLDER holds the six files of the binary version, plain or .xz; `winnow data get cifar10` gets them. TO/train/CLASS/NNNNN.jpg are the 50,000 training
pictures, numbered as they stand in the files, TO/test/CLASS/NNNNN.jpg the 10,000 test pictures."""
import argparse
import lzma
import os

from PIL import Image

CLASSES = ("airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck")
RECORD, SIDE = 3073, 32


def contents(folder, name):
    plain = os.path.join(folder, name)
    if os.path.exists(plain):
        with open(plain, "rb") as file:
            return file.read()
    with lzma.open(plain + ".xz") as file:
        return file.read()


def picture(pixels):
    planes = [Image.frombytes("L", (SIDE, SIDE), pixels[c * SIDE * SIDE:(c + 1) * SIDE * SIDE]) for c in range(3)]
    return Image.merge("RGB", planes)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("to")
    parser.add_argument("--quality", type=int, default=95)
    a = parser.parse_args()
    for part, names in (("train", [f"data_batch_{i}.bin" for i in range(1, 6)]), ("test", ["test_batch.bin"])):
        records = b"".join(contents(a.folder, name) for name in names)
        for k in CLASSES:
            os.makedirs(f"{a.to}/{part}/{k}")
        for i in range(len(records) // RECORD):
            record = records[i * RECORD:(i + 1) * RECORD]
            picture(record[1:]).save(f"{a.to}/{part}/{CLASSES[record[0]]}/{i:05d}.jpg", quality=a.quality)
        print(f"{a.to}/{part}: {len(records) // RECORD} pictures")


main()
