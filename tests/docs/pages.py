"""The documentation as data: pages, fenced blocks, inline code, tables, headings, links."""

import re
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
FENCE = re.compile(r"^ *```(\w*)$")
SPAN = re.compile(r"(?<!`)(`+)(?!`)(.+?)(?<!`)\1(?!`)")
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
FILE = r"[\w-]+\.(?:py|yaml|conf)"
RULER = re.compile(r"\|?[\s:|-]+\|[\s:|-]*")


@dataclass(frozen=True)
class Block:
    """A fenced block of a page, from the line after its fence; `file` is the name to save it under, if any."""

    page: Path
    line: int
    language: str
    text: str
    file: str

    @property
    def where(self):
        """Return the place of the block, for messages."""
        return f"{self.page.name}:{self.line}"


@dataclass(frozen=True)
class Page:
    """A page of Markdown. `prose` is its text without fenced blocks, its lines in place."""

    path: Path
    prose: str
    blocks: tuple[Block, ...]

    @property
    def name(self):
        """Its path from the root, as links and test ids show it."""
        return str(self.path.relative_to(ROOT))

    def spans(self):
        """Each inline code with its line, Markdown's escapes in tables undone."""
        for number, line in enumerate(self.prose.splitlines(), 1):
            for found in SPAN.finditer(line):
                yield number, found[2].strip().replace("\\|", "|")

    def save(self, folder):
        """Writes the blocks that are files into a folder; returns their paths by name."""
        files = {block.file: folder / block.file for block in self.blocks if block.file}
        for block in self.blocks:
            if block.file:
                files[block.file].write_text(block.text, encoding="utf-8")
        return files

    def links(self):
        """The target of each link and picture."""
        return [found[1] for found in LINK.finditer(SPAN.sub("", self.prose))]

    def anchors(self):
        """Return GitHub's anchors of the headings."""
        found = {}
        for line in self.prose.splitlines():
            if line.startswith("#"):
                title = re.sub(r"[^\w\- ]", "", line.lstrip("# ").lower().replace("`", "")).replace(" ", "-")
                found[title] = found.get(title, -1) + 1
        return {title if not n else f"{title}-{n}" for title, count in found.items() for n in range(count + 1)}

    def tables(self):
        """Each table as a list of rows, each a mapping of the head's words to the cells' Markdown."""
        head, rows, lines = None, [], self.prose.splitlines()
        for line, following in zip(lines, [*lines[1:], ""], strict=True):
            if not line.startswith("|"):
                head = None
            elif head is None and RULER.fullmatch(following):
                head = cells(line)
                rows.append([])
            elif head is not None and not RULER.fullmatch(line):
                rows[-1].append(dict(zip(head, cells(line), strict=True)))
        return rows


def cells(line):
    """The cells of a table's line."""
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line.strip().strip("|"))]


def code_of(cell):
    """The first inline code of a cell."""
    return SPAN.search(cell)[2].strip()


def read(path):
    """The page of a file."""
    prose, blocks, open_at, language, taken, before = [], [], None, "", [], []
    for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), 1):
        fence = FENCE.match(line)
        if fence and open_at is None:
            open_at, language, taken, before = number + 1, fence[1], [], prose[-6:]
        elif line.strip() == "```" and open_at is not None:
            blocks.append(Block(path, open_at, language, "\n".join(taken) + "\n", _file_of(taken, before)))
            open_at = None
        elif open_at is not None:
            taken.append(line)
            prose.append("")
            continue
        else:
            prose.append(line)
            continue
        prose.append("")
    assert open_at is None, f"{path}: a fence is not closed"
    return Page(path, "\n".join(prose), tuple(blocks))


def _file_of(taken, before):
    """The name in the block's first comment, or in the sentence before it."""
    found = re.match(rf"# ({FILE})", taken[0]) if taken else None
    sentence = " ".join(before).rpartition("Save ")[2]
    found = found or (re.match(rf"(?:it|this) as `({FILE})`", sentence) if sentence else None)
    return found[1] if found else ""


def pages():
    """All pages of the project, README first."""
    top = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md")]
    return [read(path) for path in (*top, *sorted((ROOT / "docs").glob("*.md")))]


def page(name):
    """One page by its path from the root."""
    return read(ROOT / name)
