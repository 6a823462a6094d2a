"""`python -m fleetlm_users.standin`, also installed as `fleetlm-standin`."""

import asyncio
import logging
import sys

import uvloop

from fleetlm_users.output import steady_streams
from fleetlm_users.standin.options import parse
from fleetlm_users.standin.server import CannotListen, serve


def main() -> None:
    """Run the stand-in; exits 0 after a signal, 1 when it cannot listen, 2 on a usage error."""
    steady_streams()
    options = parse(sys.argv[1:])
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        try:
            runner.run(serve(options))
        except CannotListen as problem:
            sys.exit(f"fleetlm-standin: {problem}")


if __name__ == "__main__":
    main()
