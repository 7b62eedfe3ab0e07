#!/usr/bin/env python3
"""Makes a set in one of ImageNet's layouts from the pictures of any folder, by hard links (or copies where the folder lies on another disk):

    scripts/made-imagenet.py FOLDER TO [--classes 10] [--train 20] [--val 5] [--layout folders]

    folders       TO/train/nXXXXXXXX/nXXXXXXXX_N.JPEG, so many a class, and TO/val/nXXXXXXXX/ILSVRC2012_val_NNNNNNNN.JPEG
    named         validation pictures in TO/val itself, named ILSVRC2012_val_NNNNNNNN_nXXXXXXXX.JPEG
    kaggle        TO/ILSVRC/Data/CLS-LOC/train and val, whose classes LOC_val_solution.csv says
    devkit        validation pictures in TO/val itself, whose classes TO/ILSVRC2012_devkit_t12 says
    archives      ILSVRC2012_img_train.tar, a tar of a tar for each class, ILSVRC2012_img_val.tar and ILSVRC2012_devkit_t12.tar.gz
    hugging-face  train_images_0.tar, ..., val_images.tar
    webdataset    imagenet1k-train-{0000..0001}.tar, imagenet1k-validation-{00..00}.tar, with .cls in the first and .json in the others

Pictures are taken in turn, over and over; a class means nothing. It is for trying recipes and for timing what grows with the number of files."""
import argparse
import io
import os
import shutil
import struct
import tarfile
import zlib

ENDINGS = (".jpg", ".jpeg", ".png", ".webp")


def pictures_of(folder):
    found = []
    for root, _, files in os.walk(folder):
        found += [os.path.join(root, name) for name in files if name.lower().endswith(ENDINGS)]
    return sorted(found)


def put(source, target):
    os.makedirs(os.path.dirname(target), exist_ok=True)
    try:
        os.link(source, target)
    except OSError:
        shutil.copyfile(source, target)


def write(path, data):
    os.makedirs(os.path.dirname(path), exist_ok=True)
    with open(path, "wb") as file:
        file.write(data)


# ---- the devkit: its numbers of classes are not in the order of names


def element(kind, data):
    return struct.pack("<II", kind, len(data)) + data + bytes(-len(data) % 8)


def matrix(kind, rows, columns, rest):
    return element(14, element(6, struct.pack("<II", kind, 0)) + element(5, struct.pack("<ii", rows, columns)) + element(1, b"") + rest)


def number(value):
    return matrix(6, 1, 1, struct.pack("<II", 4 | 2 << 16, value))


def text(value):
    return matrix(4, 1, len(value), element(4, value.encode("utf-16-le")))


def meta_mat(classes, packed=True):
    fields = ("ILSVRC2012_ID", "WNID", "words", "gloss", "num_children", "children", "wordnet_height", "num_train_images")
    body = struct.pack("<II", 5 | 4 << 16, 32) + element(1, b"".join(name.encode().ljust(32, b"\0") for name in fields))
    for k in sorted(range(len(classes)), key=lambda k: len(classes) - k):
        body += (number(len(classes) - k) + text(classes[k]) + text("a class") + text("made") + number(0) + matrix(6, 1, 0, element(9, b"")) + number(0) +
                 number(1300))
    structs = matrix(2, len(classes), 1, body)
    if packed:
        z = zlib.compress(structs)
        structs = struct.pack("<II", 15, len(z)) + z
    return b"MATLAB 5.0 MAT-file".ljust(124) + b"\0\1IM" + structs


def devkit(classes, validation):
    truth = "".join("%d\n" % (len(classes) - k) for k, _ in validation)
    return {"ILSVRC2012_devkit_t12/data/meta.mat": meta_mat(classes),
            "ILSVRC2012_devkit_t12/data/ILSVRC2012_validation_ground_truth.txt": truth.encode()}


# ---- archives


def add(archive, name, data):
    info = tarfile.TarInfo(name)
    info.size = len(data)
    archive.addfile(info, io.BytesIO(data))


def tar_of(members, mode="w"):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode=mode) as archive:
        for name, data in members:
            add(archive, name, data)
    return out.getvalue()


def contents(path):
    with open(path, "rb") as file:
        return file.read()


# ---- layouts: classes are names, training and validation (class, picture), in the order of classes


def put_training(folder, classes, training):
    for i, (k, picture) in enumerate(training):
        put(picture, f"{folder}/{classes[k]}/{classes[k]}_{i}.JPEG")


def val_name(i):
    return f"ILSVRC2012_val_{i + 1:08d}"


def put_flat(folder, validation):
    for i, (_, picture) in enumerate(validation):
        put(picture, f"{folder}/{val_name(i)}.JPEG")


def make_folders(to, classes, training, validation):
    put_training(f"{to}/train", classes, training)
    for i, (k, picture) in enumerate(validation):
        put(picture, f"{to}/val/{classes[k]}/{val_name(i)}.JPEG")


def make_named(to, classes, training, validation):
    put_training(f"{to}/train", classes, training)
    for i, (k, picture) in enumerate(validation):
        put(picture, f"{to}/val/{val_name(i)}_{classes[k]}.JPEG")


def make_kaggle(to, classes, training, validation):
    put_training(f"{to}/ILSVRC/Data/CLS-LOC/train", classes, training)
    put_flat(f"{to}/ILSVRC/Data/CLS-LOC/val", validation)
    rows = "".join(f"{val_name(i)},{classes[k]} 1 2 3 4\n" for i, (k, _) in enumerate(validation))
    write(f"{to}/LOC_val_solution.csv", ("ImageId,PredictionString\n" + rows).encode())


def make_devkit(to, classes, training, validation):
    put_training(f"{to}/train", classes, training)
    put_flat(f"{to}/val", validation)
    for name, data in devkit(classes, validation).items():
        write(f"{to}/{name}", data)


def make_archives(to, classes, training, validation):
    inner = [(f"{name}.tar", tar_of((f"{name}_{i}.JPEG", contents(picture)) for i, (c, picture) in enumerate(training) if c == k))
             for k, name in enumerate(classes)]
    write(f"{to}/ILSVRC2012_img_train.tar", tar_of(reversed(inner)))
    write(f"{to}/ILSVRC2012_img_val.tar", tar_of((f"{val_name(i)}.JPEG", contents(picture)) for i, (_, picture) in enumerate(validation)))
    write(f"{to}/ILSVRC2012_devkit_t12.tar.gz", tar_of(devkit(classes, validation).items(), "w:gz"))


def make_hugging_face(to, classes, training, validation):
    named = [(f"{classes[k]}_{i}_{classes[k]}.JPEG", contents(picture)) for i, (k, picture) in enumerate(training)]
    for part in range(2):
        write(f"{to}/train_images_{part}.tar", tar_of(named[part::2]))
    write(f"{to}/val_images.tar", tar_of((f"{val_name(i)}_{classes[k]}.JPEG", contents(picture)) for i, (k, picture) in enumerate(validation)))


def samples(part):
    for i, (k, picture) in enumerate(part):
        yield f"{i:08d}.jpg", contents(picture)
        yield (f"{i:08d}.cls", b"%d" % k) if i % 2 else (f"{i:08d}.json", b'{"filename": "x", "label": %d, "width": 32}' % k)


def make_webdataset(to, classes, training, validation):
    half = len(training) // 2
    for shard, part in enumerate((training[:half], training[half:])):
        write(f"{to}/imagenet1k-train-{shard:04d}.tar", tar_of(samples(part)))
    write(f"{to}/imagenet1k-validation-00.tar", tar_of(samples(validation)))


LAYOUTS = {"folders": make_folders, "named": make_named, "kaggle": make_kaggle, "devkit": make_devkit, "archives": make_archives,
           "hugging-face": make_hugging_face, "webdataset": make_webdataset}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("to")
    parser.add_argument("--classes", type=int, default=10)
    parser.add_argument("--train", type=int, default=20, help="pictures a class")
    parser.add_argument("--val", type=int, default=5, help="pictures a class")
    parser.add_argument("--layout", choices=LAYOUTS, default="folders")
    a = parser.parse_args()
    pictures = pictures_of(a.folder)
    if not pictures:
        parser.error(f"{a.folder}: holds no pictures")
    if os.path.exists(a.to):
        parser.error(f"{a.to}: is there already")
    classes = [f"n{1440764 + k:08d}" for k in range(a.classes)]
    training, validation, taken = [], [], 0
    for k in range(a.classes):
        for part, count in ((training, a.train), (validation, a.val)):
            for _ in range(count):
                part.append((k, pictures[taken % len(pictures)]))
                taken += 1
    LAYOUTS[a.layout](a.to, classes, training, validation)
    print(f"{a.to}: {a.classes} classes, {a.classes * a.train} training and {a.classes * a.val} validation pictures")


if __name__ == "__main__":
    main()
