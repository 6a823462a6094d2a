"""`python -m fleetlm_users.standin`, also installed as `fleetlm-standin`."""

import asyncio
import logging
import sys
from importlib.util import find_spec

from fleetlm_users.output import steady_streams
from fleetlm_users.standin.options import parse


def main() -> None:
    """Run the stand-in; exit 0 after a signal, 1 if it cannot listen or lacks packages, 2 on a usage error."""
    steady_streams()
    options = parse(sys.argv[1:])
    needed = ("aiohttp", "uvloop", *(["psycopg"] if options.storage.database else []))
    missing = [name for name in needed if find_spec(name) is None]
    if missing:
        sys.exit(f"fleetlm-standin: {' and '.join(missing)} not installed: pip install 'fleetlm-locust[standin]'")
    # only now, since a worker is installed without them
    import uvloop  # noqa: PLC0415 - as above

    from fleetlm_users.standin.server import CannotListen, serve  # noqa: PLC0415 - it imports aiohttp
    from fleetlm_users.standin.storage.storage_options import StorageUnusable  # noqa: PLC0415 - as above

    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve(options))
        except (CannotListen, StorageUnusable) as problem:
            sys.exit(f"fleetlm-standin: {problem}")


if __name__ == "__main__":
    main()
