"""The end of a run that nobody pressed a key for: all work is done, a threshold is hopeless, a worker refuses."""

import gevent
from locust.env import Environment


def end_run(environment: Environment) -> None:
    """Ends the run as Locust does when the run time is up (main.py: stop_and_optionally_quit).

    To be called in a greenlet of its own: it may end the calling one.
    """
    runner, parsed, web_ui = environment.runner, environment.parsed_options, environment.web_ui
    if runner is None or parsed is None:
        return
    if parsed.headless:
        runner.quit()
        return
    runner.stop()
    if parsed.autostart and parsed.autoquit != -1:
        gevent.sleep(parsed.autoquit)
        runner.quit()
        if web_ui is not None:
            web_ui.stop()
