"""Links between pages lead somewhere, and pictures are small."""

import struct
from urllib.parse import unquote
from xml.etree import ElementTree

import pytest

from tests.docs.pages import ROOT, pages, read

MAX_PICTURE_BYTES = 200_000
PAGES = pages()


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_lead_to_files_and_headings_that_exist(page):
    """It covers every relative link; links to the web are not checked."""
    broken = []
    for link in page.links():
        if link.startswith(("http://", "https://", "mailto:")):
            continue
        path, _, anchor = unquote(link).partition("#")
        target = (page.path.parent / path).resolve() if path else page.path
        if not target.exists() or (anchor and anchor not in read(target).anchors()):
            broken.append(link)
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_tables_are_whole(page):
    """Each row has as many cells as its head, or Markdown shows something else than was written."""
    assert all(table for table in page.tables())


def test_every_page_is_linked_from_the_readme():
    """So that it can be found."""
    linked = {(ROOT / link.partition("#")[0]).resolve() for link in PAGES[0].links() if "://" not in link}
    assert {page.path for page in PAGES[1:]} <= linked


def test_pictures_are_small_and_readable():
    """A checkout stays small, and the README loads fast."""
    pictures = list((ROOT / "docs" / "images").iterdir())
    assert pictures
    for picture in pictures:
        assert min(size_of(picture)) >= 500, picture  # large enough to be read
        assert picture.stat().st_size < MAX_PICTURE_BYTES, picture


def size_of(picture):
    """Width and height of a PNG or an SVG."""
    content = picture.read_bytes()
    if picture.suffix == ".svg":
        root = ElementTree.fromstring(content)
        return float(root.get("width")), float(root.get("height"))
    assert content[:8] == b"\x89PNG\r\n\x1a\n", picture
    return struct.unpack(">II", content[16:24])
