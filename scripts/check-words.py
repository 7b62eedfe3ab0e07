#!/usr/bin/python3
"""Words of the pages: sentences over 25 words, table cells over 120 characters, old terms outside the glossary. `check-words.py [FILE]...` prints each place."""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", *(str(p.relative_to(ROOT)) for p in sorted((ROOT / "docs").glob("*.md")))]
OLD = {
    r"\brewir\w+": "mask update, dynamic sparse training",
    r"\bthinn(ing|ed)\b": "dense-to-sparse training",
    r"\bdrawn masks?\b": "random mask at initialisation",
    r"\bagenda\b": "stage graph",
    r"\bredraws?\b": "init seed",
    r"\bslabs?\b": "per-thread buffer",
    r"\btwins?\b": "what it is in that place",
    r"\blearnt by heart\b": "memorised",
}
WORDS, CELL = 25, 120


def blocks(text):
    """(line number, kind, text): paragraphs, list items and table rows outside code blocks."""
    code, start, kept = False, 0, []
    for number, line in enumerate(text.split("\n") + [""], 1):
        stripped = line.strip()
        fence = stripped.startswith("```")
        begins = not stripped or fence or stripped.startswith(("|", "#")) or re.match(r"([-*]|\d+\.) ", stripped)
        if kept and (begins or code):
            yield start, "text", " ".join(kept)
            kept = []
        code ^= fence
        if code or fence or not stripped:
            continue
        if stripped.startswith("|"):
            yield number, "row", stripped
        elif not stripped.startswith("#") and not line.startswith("    "):
            start = start if kept else number
            kept.append(re.sub(r"^([-*]|\d+\.) ", "", stripped))


def sentences(text):
    plain = re.sub(r"`[^`]*`", "CODE", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text))
    return re.split(r"(?<=[.!?:;])[\"')*]*\s+", plain)


def faults(text, glossary):
    for number, kind, block in blocks(text):
        if kind == "row":
            for cell in re.split(r"(?<!\\)\|", block):
                if len(cell.strip()) > CELL:
                    yield number, "cell of %d characters: %s" % (len(cell.strip()), cell.strip()[:60])
        else:
            for sentence in sentences(block):
                words = [w for w in sentence.split() if re.search(r"\w", w)]
                if len(words) > WORDS:
                    yield number, "sentence of %d words: %s" % (len(words), " ".join(words[:9]))
        for pattern, better in () if glossary else OLD.items():
            for found in re.finditer(pattern, re.sub(r"`[^`]*`", "", block), re.I):
                yield number, "'%s': write %s" % (found.group(), better)


def main():
    count = 0
    for name in sys.argv[1:] or PAGES:
        path = ROOT / name
        if path.exists():
            for number, message in faults(path.read_text(), path.name in ("glossary.md", "CHANGELOG.md")):
                print("%s:%d: %s" % (name, number, message))
                count += 1
    print("%d places" % count, file=sys.stderr)
    return count > 0


sys.exit(main())
