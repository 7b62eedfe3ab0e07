#!/usr/bin/python3
"""Words of pages, manual and messages: sentences over 25 words, table cells over 120 characters, old terms outside the glossary.

check-words.py [FILE]... prints each place and fails if there are any. Code, formulas in backquotes and addresses of links count for nothing.
"""
import pathlib
import re
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
FOUND = [p for pattern in ("docs/*.md", "docs/results/**/*.md", "src/**/*.c", "tool/*.c") for p in sorted(ROOT.glob(pattern))]
PAGES = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "SECURITY.md", "docs/winnow.1", *(str(p.relative_to(ROOT)) for p in FOUND)]
WORDS, CELL = 25, 120
OLD = {  # docs/glossary.md
    r"rewir\w+|topology updates?|updates? (?:of|its|the|their) topology": "mask update, dynamic sparse training",
    r"comes? and goe?s?": "drop, grow",
    r"drawn masks?": "random mask at initialisation",
    r"thin(?:s|ned|ning)(?: out)?": "dense-to-sparse training",
    r"agendas?": "stage graph",
    r"identit(?:y|ies)": "cache key",
    r"kept states?": "rewind checkpoint",
    r"batch lanes?": "batch-interleaved layout",
    r"tiny (?:images?|maps?)": "small feature maps",
    r"slabs?": "per-thread buffer",
    r"bands?": "row tiles",
    r"(?:stored|active|masked|pruned|kept) entr(?:y|ies)|entr(?:y|ies) that are (?:not )?stored": "active weight",
    r"redraws?": "init seed, drawn anew",
    r"stretch(?:es|ed)?": "training-length multiplier",
    r"(?:looks?|looked|looking|listens?) (?:at|to) (?:the )?(?:whole |dense )?gradients?": "needs dense gradients",
    r"twins?": "compressed copy, or what it is in that place",
    r"% (?:of (?:its |the )?weights )?zeros?\b|% of (?:its |the )?weights zero": "% sparsity",
    r"learnt by heart": "memorised",
    r"stands? once": "one cell",
}
OLD_WORDS = re.compile("|".join("(?P<t%d>(?<![\\w-])(?:%s)(?![\\w-]))" % (i, p) if p[0] != "%" else "(?P<t%d>%s)" % (i, p) for i, p in enumerate(OLD)), re.I)


def blocks(text):
    """(line number, kind, text): headings, paragraphs, list items and table rows outside code blocks."""
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
        elif stripped.startswith("#"):
            yield number, "heading", stripped
        elif kept or not line.startswith("    "):
            start = start if kept else number
            kept.append(re.sub(r"^([-*]|\d+\.) ", "", stripped))


def manual_blocks(text):
    """The same of a page in roff: text between requests; code (`.EX`, `.nf`) and lines of synopsis and tags (`.B`, `.RB`) are left out."""
    code, start, kept = False, 0, []
    for number, line in enumerate(text.split("\n") + ["."], 1):
        if line.startswith((".", "'")):
            if kept:
                yield start, "text", " ".join(kept)
            kept, code = [], {".EX": True, ".nf": True, ".EE": False, ".fi": False}.get(line.split(" ")[0], code)
        elif not code and line.strip():
            start = start if kept else number
            kept.append(re.sub(r"\\f(?:[BIRP]|\[\w*\])", "", line).replace("\\-", "-").replace("\\&", ""))


TEXT = r'"(?:\\.|[^"\\\n])*"'
MESSAGE = re.compile(r"\bwn__(?:fail|fail_within|fail_at|log)\((?:[^\";]|%s)*?(%s(?:\s*(?:%s|PRI\w+))*)" % (TEXT, TEXT, TEXT))


def message_blocks(text):
    """Messages of a C file; names of settings stay what they are."""
    for found in MESSAGE.finditer(text):
        message = "".join(part[1:-1] for part in re.findall(TEXT, found.group(1)))
        yield text.count("\n", 0, found.start()) + 1, "text", re.sub(r"\b(stretch|redraw|identity)\b", "`key`", message)


READERS = {".1": manual_blocks, ".c": message_blocks}


def plain(text):
    """What is read: links as their text, code as one word, no emphasis."""
    text = re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", text)
    return re.sub(r"\*\*|(?<!\w)\*(?=\w)|(?<=\w)\*(?!\w)", "", re.sub(r"``[^`]+``|`[^`]*`", "CODE", text))


def sentences(text):
    return re.split(r"(?<=[.!?:;])[\"')]*\s+", text)


def faults(name, text):
    glossary = name.endswith(("glossary.md", "CHANGELOG.md"))
    for number, kind, block in READERS.get(pathlib.Path(name).suffix, blocks)(text):
        shown = plain(block)
        if kind == "row":
            for cell in re.split(r"(?<!\\)\|", re.sub(r"!?\[([^\]]*)\]\([^)]*\)", r"\1", block)):
                if len(cell.strip().replace("`", "")) > CELL and not cell.strip().startswith("choice: "):
                    yield number, "cell of %d characters: %s" % (len(cell.strip().replace("`", "")), cell.strip()[:60])
        elif kind == "text":
            for sentence in sentences(shown):
                words = [w for w in sentence.split() if re.search(r"\w", w)]
                if len(words) > WORDS:
                    yield number, "sentence of %d words: %s" % (len(words), " ".join(words[:9]))
        for found in () if glossary else OLD_WORDS.finditer(shown):
            yield number, "'%s': write %s" % (found.group(), list(OLD.values())[int(found.lastgroup[1:])])


def main():
    count = 0
    for name in sys.argv[1:] or PAGES:
        path = ROOT / name
        if path.exists():
            for number, message in faults(name, path.read_text()):
                print("%s:%d: %s" % (name, number, message))
                count += 1
    print("%d places" % count, file=sys.stderr)
    return count > 0


sys.exit(main())
