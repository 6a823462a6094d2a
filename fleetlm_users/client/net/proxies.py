"""Proxies named in the environment. The load does not use them, or it would measure the proxy.

Preflight says so, because other programs on the same machine, such as curl, do use the proxy.
"""

import os
from collections.abc import Iterable, Mapping
from typing import Final
from urllib.parse import urlsplit
from urllib.request import proxy_bypass_environment  # type: ignore[attr-defined]  # typeshed lacks it

VARIABLES: Final = {"http": "http_proxy", "ws": "http_proxy", "https": "https_proxy", "wss": "https_proxy"}
FOR_ALL: Final = "all_proxy"
NONE_FOR: Final = "no_proxy"


def unused_proxies(urls: Iterable[str], environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """Return the proxy variables that apply to these URLs and are not excepted by NO_PROXY, each with its first URL."""
    except_for = {"no": _value(NONE_FOR, environ)[1]}
    proxies: dict[str, str] = {}
    for url in urls:
        parts = urlsplit(url)
        named = [_value(name, environ) for name in (VARIABLES.get(parts.scheme, FOR_ALL), FOR_ALL)]
        name = next((name for name, value in named if value), "")
        if name and not proxy_bypass_environment(parts.netloc.rpartition("@")[2], except_for):
            proxies.setdefault(name, url)
    return proxies


def _value(name: str, environ: Mapping[str, str]) -> tuple[str, str]:
    """Return the variable's name as set, and its value: lower case comes first, as in curl and urllib."""
    return next(((each, environ[each]) for each in (name, name.upper()) if environ.get(each)), (name, ""))
