"""Lists of transforms give torchvision's bytes (Pillow's path) for the same draws, up to the normalised floats:
torchvision_transforms.py TRANSFORM_DUMP [FOLDER OF PICTURES]. Exit code 77: no torchvision, or no pictures."""
import glob
import hashlib
import math
import os
import subprocess
import sys
import tempfile

try:
    import PIL
    import torch
    from PIL import Image
    from torchvision import transforms
    from torchvision.transforms import autoaugment, functional as F
except ImportError:
    print("skipped: needs torchvision")
    sys.exit(77)

MASK = 0xFFFFFFFF
CHANGES = 15  # src/base/rng.h
MEAN, STD = (0.485, 0.456, 0.406), (0.229, 0.224, 0.225)
OPERATIONS = ("Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness", "Posterize",
              "Solarize", "AutoContrast", "Equalize")


def philox(key, counter):
    (k0, k1), (c0, c1, c2, c3) = key, counter
    for _ in range(10):
        p0, p1 = 0xD2511F53 * c0, 0xCD9E8D57 * c2
        c0, c1, c2, c3 = (p1 >> 32) ^ c1 ^ k0, p1 & MASK, (p0 >> 32) ^ c3 ^ k1, p0 & MASK
        k0, k1 = (k0 + 0x9E3779B9) & MASK, (k1 + 0xBB67AE85) & MASK
    return c0, c1, c2, c3


class Stream:
    """src/base/rng.h"""

    def __init__(self, seed, purpose, a, b):
        mixed = philox((purpose, 0x57696E6E), (seed & MASK, seed >> 32, a >> 32, b >> 32))
        self.key, self.counter, self.words = mixed[:2], [0, 0, (a & MASK) ^ mixed[2], (b & MASK) ^ mixed[3]], []

    def u64(self):
        if not self.words:
            self.words = list(philox(self.key, self.counter))
            self.counter[0] += 1
        low, high = self.words.pop(0), self.words.pop(0)
        return low | high << 32

    def uniform(self, low=0.0, high=1.0):
        return low + (high - low) * ((self.u64() >> 11) * 2.0 ** -53)

    def below(self, n):
        while True:
            m = self.u64() * n
            if m & (2 ** 64 - 1) >= (2 ** 64 - n) % n:
                return m >> 64


def draw_sides(r, area, scale, ratio):
    area *= r.uniform(*scale)
    ratio = math.exp(r.uniform(math.log(ratio[0]), math.log(ratio[1])))
    return round(math.sqrt(area * ratio)), round(math.sqrt(area / ratio))


def resized_crop(image, r, size=224, scale=(0.08, 1), ratio=(3 / 4, 4 / 3), interpolation="bilinear"):
    width, height = image.size
    for _ in range(10):
        w, h = draw_sides(r, width * height, scale, ratio)
        if 0 < w <= width and 0 < h <= height:
            top, left = r.below(height - h + 1), r.below(width - w + 1)
            break
    else:  # torchvision's central crop
        w, h, whole = width, height, width / height
        if whole < ratio[0]:
            h = round(w / ratio[0])
        elif whole > ratio[1]:
            w = round(h * ratio[1])
        top, left = (height - h) // 2, (width - w) // 2
    return F.resized_crop(image, top, left, h, w, [size, size], transforms.InterpolationMode(interpolation))


def jitter(image, r, brightness=0.4, contrast=0.4, saturation=0.4, hue=0.0):
    order = [0, 1, 2, 3]
    for i in range(3, 0, -1):
        j = r.below(i + 1)
        order[i], order[j] = order[j], order[i]
    factors = [r.uniform(max(0, 1 - s), 1 + s) for s in (brightness, contrast, saturation)] + [r.uniform(-hue, hue)]
    changes = [F.adjust_brightness, F.adjust_contrast, F.adjust_saturation, F.adjust_hue]
    for i in order:
        if (brightness, contrast, saturation, hue)[i]:
            image = changes[i](image, factors[i])
    return image


def rand_augment(image, r, operations=2, magnitude=9):
    for _ in range(operations):
        name, negative = OPERATIONS[r.below(14)], r.u64() >> 63
        magnitudes, signed = autoaugment.RandAugment()._augmentation_space(31, (image.height, image.width))[name]
        amount = float(magnitudes[magnitude]) if magnitudes.ndim else 0.0
        image = autoaugment._apply_op(image, name, -amount if signed and negative else amount, autoaugment.InterpolationMode.NEAREST, None)
    return image


def erase(tensor, r, p=0.5, scale=(0.02, 0.33), ratio=(0.3, 3.3)):
    if r.uniform() >= p:
        return tensor
    height, width = tensor.shape[1:]
    for _ in range(10):
        h, w = draw_sides(r, height * width, scale, ratio)
        if h < height and w < width:
            top, left = r.below(height - h + 1), r.below(width - w + 1)
            return F.erase(tensor, top, left, h, w, torch.tensor(0.0))
    return tensor


NORMALIZE = "{normalize: {mean: [%g, %g, %g], std: [%g, %g, %g]}}" % (MEAN + STD)
# Each list, and what is done with the picture and with its floats; a step gets the stream of its place.
LISTS = [
    ("[{resize: 256}, {center-crop: 224}, %s]" % NORMALIZE, [transforms.Resize(256), transforms.CenterCrop(224)], []),
    ("[{resize: {size: 232, interpolation: bicubic}}, {center-crop: [224, 200]}, %s]" % NORMALIZE,
     [transforms.Resize(232, transforms.InterpolationMode.BICUBIC), transforms.CenterCrop((224, 200))], []),
    ("[{center-crop: [701, 333]}, %s]" % NORMALIZE, [transforms.CenterCrop((701, 333))], []),
    ("[{resize: 101}, {center-crop: [224, 120]}, %s]" % NORMALIZE, [transforms.Resize(101), transforms.CenterCrop((224, 120))], []),
    ("[{resize: [96, 160]}, %s]" % NORMALIZE, [transforms.Resize((96, 160))], []),
    ("[random-resized-crop, flip, %s]" % NORMALIZE, [resized_crop, lambda image, r: F.hflip(image) if r.uniform() < 0.5 else image], []),
    ("[{random-resized-crop: {size: 128, scale: [0.5, 0.9], ratio: [2, 3], interpolation: bicubic}}, %s]" % NORMALIZE,
     [lambda image, r: resized_crop(image, r, 128, (0.5, 0.9), (2, 3), "bicubic")], []),
    ("[{random-resized-crop: {size: 64, scale: [1, 1], ratio: [3, 3]}}, %s]" % NORMALIZE,
     [lambda image, r: resized_crop(image, r, 64, (1, 1), (3, 3))], []),
    ("[random-resized-crop, {color-jitter: {hue: 0.2}}, %s]" % NORMALIZE, [resized_crop, lambda image, r: jitter(image, r, hue=0.2)], []),
    ("[random-resized-crop, flip, {randaugment: {operations: 3, magnitude: 12}}, %s, {random-erasing: 0.8}]" % NORMALIZE,
     [resized_crop, lambda image, r: F.hflip(image) if r.uniform() < 0.5 else image, lambda image, r: rand_augment(image, r, 3, 12)],
     [lambda tensor, r: erase(tensor, r, 0.8)]),
]


def digest(data):
    return hashlib.sha256(data).hexdigest()


def wanted(seed, epoch, sample, pixels, floats, path):
    with Image.open(path) as image:
        image = image.convert("RGB")
    place = 0
    for step in pixels:
        image = step(image) if isinstance(step, torch.nn.Module) else step(image, Stream(seed, CHANGES, epoch * 256 + place, sample))
        place += 1
    tensor = F.normalize(F.to_tensor(image), MEAN, STD)
    for step in floats:
        place += 1  # behind normalize
        tensor = step(tensor, Stream(seed, CHANGES, epoch * 256 + place, sample))
    planes = b"".join(band.tobytes() for band in image.split())
    return "%d %d %s %s" % (image.height, image.width, digest(planes), digest(tensor.contiguous().numpy().tobytes()))


def pictures(folder):
    return sorted(path for path in glob.glob(os.path.join(folder, "**"), recursive=True) if path.lower().endswith((".jpg", ".jpeg", ".png")))


def main():
    folder = sys.argv[2] if len(sys.argv) > 2 else os.path.join(os.environ.get("WINNOW_DATA", "."), "imagenet-sample")
    paths = pictures(folder)
    if not paths or int(PIL.__version__.split(".")[0]) < 13:  # earlier ones begin with the pass along rows, always
        print("skipped: needs pictures, and Pillow from 13 on")
        sys.exit(77)
    asked = [(7 + k, i % 3, i, pixels, floats, path, text) for k, (text, pixels, floats) in enumerate(LISTS) for i, path in enumerate(paths)]
    lines = "".join("%d %d %d %s\n%s\n" % (seed, epoch, sample, text, path) for seed, epoch, sample, _, _, path, text in asked)
    answers = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(answers) == len(asked), "%d answers to %d questions" % (len(answers), len(asked))
    wrong = 0
    for question, got in zip(asked, answers):
        want = wanted(*question[:6])
        if want != got:
            wrong += 1
            if wrong <= 10:
                print("%s %s\n  wanted %s\n  got    %s" % (question[6], question[5], want, got))
    print("%d pictures, %d lists, %d of %d answers differ" % (len(paths), len(LISTS), wrong, len(asked)))
    sys.exit(1 if wrong else 0)


main()
