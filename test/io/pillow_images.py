"""Pictures that Winnow decodes, resizes and augments equal Pillow's, and torchvision's where it is here: pillow_images.py IMAGE_DUMP. Exit code 77: no Pillow here."""
import glob
import hashlib
import os
import random
import subprocess
import sys
import tempfile

try:
    import PIL
    from PIL import Image, ImageEnhance, ImageOps
except ImportError:
    print("skipped: needs Pillow")
    sys.exit(77)

try:
    from torchvision.transforms import autoaugment
except ImportError:
    autoaugment = None


def photograph(mode, width, height):
    """Something smooth with edges in it."""
    bands = []
    for c in range(4):
        band = Image.linear_gradient("L").rotate(31 * c).resize((width, height), Image.Resampling.BICUBIC)
        band.paste(255 - 50 * c, (width // 4, height // 3, width // 2, height // 2 + c))
        bands.append(band)
    rgba = Image.merge("RGBA", bands)
    return rgba.convert("RGB").convert(mode) if mode in ("1", "L", "P", "CMYK", "RGB") else rgba.convert(mode)


def made_files(folder):
    def save(name, image, **options):
        path = os.path.join(folder, name)
        image.save(path, **options)
        return path

    for mode in ("L", "RGB", "CMYK"):
        for size in ((1, 1), (17, 9), (64, 48), (131, 77)):
            image = photograph(mode, *size)
            for quality in (30, 90, 100):
                for options in ({}, {"progressive": True}, {"subsampling": 0}, {"subsampling": 1}, {"subsampling": 2}, {"restart_marker_rows": 1}):
                    yield save("%s-%dx%d-%d-%s.jpg" % (mode, *size, quality, "".join(map(str, options.items()))), image, quality=quality, **options)
    for orientation in range(10):
        exif = Image.Exif()
        exif[0x0112] = orientation
        for kind in ("jpg", "png", "webp"):
            yield save("turned-%d.%s" % (orientation, kind), photograph("RGB", 37, 22), exif=exif)
    for mode in ("1", "L", "P", "LA", "RGB", "RGBA"):
        for size in ((1, 1), (17, 9), (64, 48)):
            yield save("%s-%dx%d.png" % (mode, *size), photograph(mode, *size))
    for bits in (1, 2, 4, 8):
        yield save("palette-%d.png" % bits, photograph("RGB", 50, 40).quantize(1 << bits), bits=bits)
        yield save("seen-through-%d.png" % bits, photograph("RGB", 50, 40).quantize(1 << bits), bits=bits, transparency=0)
    yield save("one-colour-away.png", photograph("RGB", 50, 40), transparency=(1, 2, 3))
    yield save("one-gray-away.png", photograph("L", 50, 40), transparency=7)
    for mode in ("L", "RGB", "RGBA"):
        for size in ((1, 1), (17, 9), (64, 48)):
            yield save("lossless-%s-%dx%d.webp" % (mode, *size), photograph(mode, *size), lossless=True, exact=True)
            yield save("lossy-%s-%dx%d.webp" % (mode, *size), photograph(mode, *size), quality=70)


FILTERS = {"nearest": Image.Resampling.NEAREST, "bilinear": Image.Resampling.BILINEAR, "bicubic": Image.Resampling.BICUBIC}


def resize(image, action):
    """FILTER:TOP,LEFT,HEIGHT,WIDTH:HEIGHT,WIDTH"""
    name, crop, size = action.split(":")
    top, left, height, width = map(int, crop.split(","))
    return image.crop((left, top, left + width, top + height)).resize(tuple(map(int, size.split(",")))[::-1], FILTERS[name])


# torchvision's RandAugment, in its order
OPERATIONS = ("Identity", "ShearX", "ShearY", "TranslateX", "TranslateY", "Rotate", "Brightness", "Color", "Contrast", "Sharpness", "Posterize",
              "Solarize", "AutoContrast", "Equalize")


def rand_augment(image, operation, magnitude, negative):
    name = OPERATIONS[operation]
    magnitudes, signed = autoaugment.RandAugment()._augmentation_space(31, (image.height, image.width))[name]
    amount = float(magnitudes[magnitude]) if magnitudes.ndim else 0.0
    return autoaugment._apply_op(image, name, -amount if signed and negative else amount, autoaugment.InterpolationMode.NEAREST, None)


def change(image, name, amount):
    enhancers = {"brightness": ImageEnhance.Brightness, "contrast": ImageEnhance.Contrast, "saturation": ImageEnhance.Color,
                 "sharpness": ImageEnhance.Sharpness}
    if name == "solarize":
        return ImageOps.solarize(image, amount)
    if name == "hue":
        if image.mode == "L":
            return image
        h, s, v = image.convert("HSV").split()
        return Image.merge("HSV", (h.point(lambda x: (x + int(amount * 255)) % 256), s, v)).convert("RGB")
    return enhancers[name](image).enhance(amount)


def act(image, action):
    if action == "none":
        return image
    name, amounts = action.split(":", 1)
    if name == "rand":
        return rand_augment(image, *map(int, amounts.split(",")))
    return resize(image, action) if name in FILTERS else change(image, name, float(amounts))


def wanted(color, orient, action, path):
    try:
        with Image.open(path) as image:
            image.load()
            if orient == "upright":
                image = ImageOps.exif_transpose(image)
            image = image.convert("L" if color == "gray" else "RGB")
    except OSError as error:
        return "failed (%s)" % error
    image = act(image, action)
    planes = b"".join(band.tobytes() for band in image.split())
    return "%d %d %d %s" % (len(image.getbands()), image.height, image.width, hashlib.sha256(planes).hexdigest())


def decodings(paths):
    return [(color, orient, "none", path) for path in paths for color, orient in (("rgb", "plain"), ("gray", "plain"), ("rgb", "upright"))]


def resizings(paths):
    """Of each picture the evaluation's, and a few of parts that are drawn, smaller and larger; tall and wide ones, too."""
    draw = random.Random(1)
    for path in paths:
        with Image.open(path) as image:
            width, height = image.size
        short = min(width, height)
        yield "rgb", "plain", "bilinear:0,0,%d,%d:%d,%d" % (height, width, 256 * height // short, 256 * width // short), path
        for name in FILTERS:
            h, w = draw.randint(1, height), draw.randint(1, width)
            crop = "%d,%d,%d,%d" % (draw.randint(0, height - h), draw.randint(0, width - w), h, w)
            size = draw.choice(["224,224", "32,32", "%d,%d" % (draw.randint(1, 300), draw.randint(1, 300))])
            yield draw.choice(["rgb", "gray"]), "plain", "%s:%s:%s" % (name, crop, size), path


def augmentations(paths):
    draw = random.Random(2)
    for path in paths:
        color = draw.choice(["rgb", "rgb", "gray"])
        for name in ("brightness", "contrast", "saturation", "sharpness"):
            yield color, "plain", "%s:%r" % (name, draw.choice([0.0, 1.0, draw.uniform(0, 1), draw.uniform(0, 3)])), path
        yield color, "plain", "hue:%r" % draw.uniform(-0.5, 0.5), path
        yield color, "plain", "solarize:%r" % draw.uniform(0, 256), path
        if autoaugment:
            for operation in range(len(OPERATIONS)):
                yield color, "plain", "rand:%d,%d,%d" % (operation, draw.randrange(31), draw.randrange(2)), path


def every_colour(folder):
    """All 16,777,216 of them."""
    ramp = bytes(range(256)) * 16
    red, green = Image.frombytes("L", (4096, 1), ramp).resize((4096, 4096)), Image.frombytes("L", (1, 4096), ramp).resize((4096, 4096))
    blocks = Image.frombytes("L", (16, 16), bytes(range(256))).resize((4096, 4096), Image.Resampling.NEAREST)
    path = os.path.join(folder, "every-colour.png")
    Image.merge("RGB", (red, green, blocks)).save(path, compress_level=1)
    for action in ("hue:0", "hue:0.31", "saturation:1.7"):
        yield "rgb", "plain", action, path


def main():
    data = os.environ.get("WINNOW_DATA", "")
    shared = sorted(path for folder in ("jpeg-variants", "imagenet-sample", "hymenoptera")
                    for path in glob.glob(os.path.join(data, folder, "**"), recursive=True)
                    if data and path.lower().endswith((".jpg", ".jpeg")))
    with tempfile.TemporaryDirectory() as folder:
        made = list(made_files(folder))
        asked = decodings(shared + made)
        if int(PIL.__version__.split(".")[0]) >= 13:  # earlier ones begin with the pass along rows, always
            asked += list(resizings(shared + [path for path in made if path.endswith(".png")]))
        asked += list(augmentations([path for path in shared if "imagenet" in path][::4] + [path for path in made if "-64x48" in path or "-1x1" in path]))
        asked += list(every_colour(folder))
        lines = "".join("%s %s %s %s\n" % each for each in asked)
        answers = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
        assert len(answers) == len(asked), "%d answers to %d questions" % (len(answers), len(asked))
        wrong = 0
        for each, answer in zip(asked, answers):
            want = wanted(*each)
            if answer != want and not (answer.startswith("failed") and want.startswith("failed")):
                print("%s: %s, not %s" % (" ".join(each), answer, want))
                wrong += 1
    print("%d answers on %d pictures, %d of shared data: %d differ from Pillow %s" %
          (len(asked), len(shared) + len(made), len(shared), wrong, PIL.__version__))
    return wrong > 0


sys.exit(main())
