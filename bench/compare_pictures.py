#!/usr/bin/python3
"""Pictures decoded and augmented in a second by one thread, Winnow's loader and torchvision on Pillow in turn.

    bench/compare_pictures.py FOLDER                      # FOLDER has a folder of pictures for each class
    bench/compare_pictures.py FOLDER --python VENV/bin/python --rounds 5

Both decode in full, take the same kinds of transforms, and make normalised floats. VENV: `python3 -m venv VENV; VENV/bin/pip install torch torchvision`.
The table has medians over all rounds, and the best of each side.
"""

import argparse
import json
import os
import statistics
import subprocess
import sys
import time

HERE = os.path.dirname(os.path.abspath(__file__))
LISTS = {
    "imagenet": "imagenet",
    "jitter": "[random-resized-crop, flip, {color-jitter: {hue: 0.1}}]",
    "randaugment": "[random-resized-crop, flip, randaugment, {random-erasing: 0.25}]",
}


def torchvision_side(folder, runs):
    """In a process of its own: images a second of each list and run."""
    import torch
    from torchvision import datasets, transforms

    torch.set_num_threads(1)
    crop = [transforms.RandomResizedCrop(224), transforms.RandomHorizontalFlip()]
    end = [transforms.ToTensor(), transforms.Normalize((0.485, 0.456, 0.406), (0.229, 0.224, 0.225))]
    lists = {"imagenet": crop + end, "jitter": crop + [transforms.ColorJitter(0.4, 0.4, 0.4, 0.1)] + end,
             "randaugment": crop + [transforms.RandAugment()] + end + [transforms.RandomErasing(0.25)]}
    for name, steps in lists.items():
        data = datasets.ImageFolder(folder, transforms.Compose(steps))
        for _ in range(runs):
            begin = time.perf_counter()
            for i in range(len(data)):
                data[i]
            print(json.dumps({"list": name, "images_per_second": len(data) / (time.perf_counter() - begin)}))


def lines(command):
    done = subprocess.run(command, stdout=subprocess.PIPE, check=True, universal_newlines=True)
    return [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--runs", type=int, default=2, help="passes over the folder in a round")
    parser.add_argument("--program", default=os.path.join(HERE, "..", "build", "bench", "pictures"))
    parser.add_argument("--python", default=sys.executable, help="the one that has torchvision")
    parser.add_argument("--torchvision-side", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.torchvision_side:
        torchvision_side(options.folder, options.runs)
        return
    ours, theirs = {name: [] for name in LISTS}, {name: [] for name in LISTS}
    for _ in range(options.rounds):
        for name, augment in LISTS.items():
            ours[name] += [record["images_per_second"] for record in lines([options.program, options.folder, augment, str(options.runs)])]
        for record in lines([options.python, __file__, options.folder, "--torchvision-side", "--runs", str(options.runs)]):
            theirs[record["list"]].append(record["images_per_second"])
    print("%-12s %22s %22s %6s" % ("list", "winnow (best)", "torchvision (best)", "ratio"))
    for name in LISTS:
        a, b = statistics.median(ours[name]), statistics.median(theirs[name])
        print("%-12s %13.1f (%6.1f) %13.1f (%6.1f) %6.2f" % (name, a, max(ours[name]), b, max(theirs[name]), a / b))


main()
