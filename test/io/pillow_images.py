"""Pictures that Winnow decodes equal Pillow's: pillow_images.py IMAGE_DUMP. Exit code 77: no Pillow here."""
import glob
import hashlib
import os
import subprocess
import sys
import tempfile

try:
    import PIL
    from PIL import Image, ImageOps
except ImportError:
    print("skipped: needs Pillow")
    sys.exit(77)


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


def wanted(path, color, orient):
    try:
        with Image.open(path) as image:
            image.load()
            if orient == "upright":
                image = ImageOps.exif_transpose(image)
            image = image.convert("L" if color == "gray" else "RGB")
            planes = b"".join(band.tobytes() for band in image.split())
            return "%d %d %d %s" % (len(image.getbands()), image.height, image.width, hashlib.sha256(planes).hexdigest())
    except OSError as error:
        return "failed (%s)" % error


def main():
    data = os.environ.get("WINNOW_DATA", "")
    shared = [p for folder in ("jpeg-variants", "imagenet-sample", "hymenoptera") for p in glob.glob(os.path.join(data, folder, "**"), recursive=True)
              if data and p.lower().endswith((".jpg", ".jpeg"))]
    with tempfile.TemporaryDirectory() as folder:
        asked = [(color, orient, path) for path in sorted(shared) + list(made_files(folder)) for color, orient in
                 (("rgb", "plain"), ("gray", "plain"), ("rgb", "upright"))]
        lines = "".join("%s %s %s\n" % each for each in asked)
        answers = subprocess.run([sys.argv[1]], input=lines, capture_output=True, text=True, check=True).stdout.splitlines()
        assert len(answers) == len(asked), "%d answers to %d questions" % (len(answers), len(asked))
        wrong = 0
        for (color, orient, path), answer in zip(asked, answers):
            want = wanted(path, color, orient)
            if answer != want and not (answer.startswith("failed") and want.startswith("failed")):
                print("%s %s %s: %s, not %s" % (os.path.basename(path), color, orient, answer, want))
                wrong += 1
    print("%d pictures, %d of shared data: %d differ from Pillow %s" % (len(asked), len(shared), wrong, PIL.__version__))
    return wrong > 0


sys.exit(main())
