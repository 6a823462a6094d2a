"""The building blocks of the HTML report: tables, tiles, lists; all text in them is escaped here."""

import html
from collections.abc import Iterable, Mapping, Sequence
from typing import Any


def text(value: object) -> str:
    """A value as text that HTML cannot mistake for markup."""
    return html.escape(str(value))


def table(head: Sequence[str], rows: Iterable[Sequence[str]], *, sub: str = "  ") -> str:
    """A table in a card, scrolling sideways where it must; a row whose first cell begins with `sub` is a detail."""
    body = "".join(
        f'<tr{" class=sub" if row[0].startswith(sub) else ""}><th scope="row">{text(row[0].strip())}</th>'
        + "".join(f"<td>{text(cell)}</td>" for cell in row[1:])
        + "</tr>"
        for row in rows
    )
    heads = "".join(f'<th scope="col">{text(cell)}</th>' for cell in head)
    return f'<div class="card scroll"><table><thead><tr>{heads}</tr></thead><tbody>{body}</tbody></table></div>'


def tiles(entries: Iterable[tuple[str, str, str]]) -> str:
    """Key figures: name, figure, what it is made of."""
    figures = "".join(
        f'<div class="card tile"><small>{text(name)}</small><b>{text(figure)}</b><small>{text(made_of)}</small></div>'
        for name, figure, made_of in entries
    )
    return f'<div class="tiles">{figures}</div>'


def facts(mapping: Mapping[str, Any]) -> str:
    """Names and values as a list in a card; nested mappings are flattened, what is empty is left out."""
    pairs = "".join(f"<dt>{text(name)}</dt><dd>{text(value)}</dd>" for name, value in _flat(mapping))
    return f'<dl class="card">{pairs}</dl>'


def section(title: str, content: str, *names: str) -> str:
    """Content under a heading in capitals, `names` standing for its `{}` as they are; nothing without content."""
    named = (f'<span class="name">{text(name)}</span>' for name in names)
    return f"<h2>{text(title).format(*named)}</h2>{content}" if content else ""


def _flat(mapping: Mapping[str, Any], prefix: str = "") -> Iterable[tuple[str, str]]:
    for name, value in mapping.items():
        if isinstance(value, Mapping):
            yield from _flat(value, f"{prefix}{name}.")
        elif isinstance(value, list | tuple):
            if value:
                yield prefix + name, ", ".join(str(item) for item in value)
        elif value not in (None, ""):
            yield prefix + name, str(value)
