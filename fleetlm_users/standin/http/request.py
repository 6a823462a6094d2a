"""One HTTP request as the routes see it."""

from typing import Any, NamedTuple


class Request(NamedTuple):
    """A request with its parameters decoded; `method` is never HEAD (that is a GET whose body is not sent)."""

    method: str
    path: str
    params: dict[str, Any]
    accept: str | None = None
