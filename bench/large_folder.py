#!/usr/bin/env python3
"""Start-up on a tree as large as ImageNet: seconds and peak memory of `winnow data list`, per number of files.

    bench/large_folder.py WINNOW PICTURES SCRATCH [FILES...]      default: 128000 1281000

The trees are hard links to the pictures of a folder on the same disk (scripts/made-imagenet.py), a name each, and are removed. What grows must be the
names: bytes a file are the slope between the two trees. A page cache that is too small for the inodes makes the second start as slow as the first."""
import os
import shutil
import subprocess
import sys
import time

winnow, pictures, scratch = sys.argv[1:4]
sizes = [int(n) for n in sys.argv[4:]] or [128000, 1281000]
maker = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "scripts", "made-imagenet.py")


def measure(arguments):
    begin = time.monotonic()
    process = subprocess.Popen([winnow, *arguments], stdout=subprocess.DEVNULL)
    _, status, usage = os.wait4(process.pid, 0)
    if status != 0:
        sys.exit(f"{winnow} failed")
    return time.monotonic() - begin, usage.ru_maxrss * 1024


# Links to files of 1 kB: nothing but names is read.
small = os.path.join(scratch, "pictures")
os.makedirs(small)
for i, name in enumerate(sorted(os.listdir(pictures))[:200]):
    shutil.copyfile(os.path.join(pictures, name), f"{small}/{i}{os.path.splitext(name)[1]}")
last = None
for files in sizes:
    tree = os.path.join(scratch, "tree")
    subprocess.run([sys.executable, maker, small, tree, "--classes", "1000", "--train", str(files // 1000), "--val", "50"], check=True)
    for again in range(2):
        seconds, peak = measure(["data", "list", tree, "-q"])
        print(f"{files + 50000:9,d} files, {'once more' if again else 'first time'}: {seconds:6.2f} s, peak {peak / 1e6:7.1f} MB", flush=True)
    if last:
        print(f"a file: {(seconds - last[1]) / (files - last[0]) * 1e6:.2f} us, {(peak - last[2]) / (files - last[0]):.0f} bytes")
    last = files, seconds, peak
    shutil.rmtree(tree)
shutil.rmtree(small)
