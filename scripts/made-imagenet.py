#!/usr/bin/env python3
"""Makes a set in ImageNet's layout from the pictures of any folder, by hard links (or copies where the folder lies on another disk):

    scripts/made-imagenet.py FOLDER TO [--classes 10] [--train 20] [--val 5]

TO/train/nXXXXXXXX/nXXXXXXXX_N.JPEG, so many a class, and TO/val/nXXXXXXXX/ILSVRC2012_val_NNNNNNNN.JPEG. Pictures are taken in turn, over
and over; a class means nothing. It is for trying recipes and for timing what grows with the number of files."""
import argparse
import os
import shutil

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


def pictures_of(folder):
    found = []
    for root, _, files in os.walk(folder):
        found += [os.path.join(root, name) for name in files if name.lower().endswith(ENDINGS)]
    return sorted(found)


def put(source, target):
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("to")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--train", type=int, default=20, help="pictures a class")
    parser.add_argument("--val", type=int, default=5, help="pictures a class")
    a = parser.parse_args()
    pictures = pictures_of(a.folder)
    if not pictures:
        parser.error(f"{a.folder}: holds no pictures")
    taken = 0
    for k in range(a.classes):
        name = f"n{1440764 + k:08d}"
        for part, count in (("train", a.train), ("val", a.val)):
            os.makedirs(f"{a.to}/{part}/{name}")
            for i in range(count):
                file = f"{name}_{i}" if part == "train" else f"ILSVRC2012_val_{k * a.val + i + 1:08d}"
                put(pictures[taken % len(pictures)], f"{a.to}/{part}/{name}/{file}.JPEG")
                taken += 1
    print(f"{a.to}: {a.classes} classes, {a.classes * a.train} training and {a.classes * a.val} validation pictures")


main()
