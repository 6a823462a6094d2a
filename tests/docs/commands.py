"""Command lines of the documentation, and the real parsers that must take them."""

import os
import re
import runpy
import shlex
import subprocess
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path

import click
from locust.argument_parser import get_parser

import echo_agent
from benchmarks import cli as benchmarks_cli
from fleetlm_users.cli.main import cli
from fleetlm_users.measure.judging.thresholds import parse_thresholds
from fleetlm_users.measure.metrics.catalogue import DEFAULT
from fleetlm_users.standin import options as standin_options
from fleetlm_users.swarm.options.locust_plan import asked_of
from fleetlm_users.swarm.options.parser import options_of, register
from tests.docs.pages import ROOT

OURS = ("locust", "fleetlm-bench", "fleetlm-standin", "fleetlm-echo-agent", "make", "python")
FOREIGN = {"cd", "curl", "docker", "git", "ip", "k6", "mix", "ssh", "ulimit", ".", "python3.11", ".venv/bin/pip"}
FOREIGN |= {"ci/run.sh", "export", "prometheus"}  # tests/ci runs the first
FOREIGN |= {"deploy/kubernetes/job/run.sh", "helm", "kubectl", "mkdir", "tar"}  # what tests/deploy looks at
SCHEMATIC = re.compile(r"…|\bCOMMAND\b")  # a form of a command and not one
OPERATORS = {"&&", "||", "|", ";", "&", ">", ">>", "2>&1"}
PLACEHOLDERS = {"FILE": "locustfiles/mixed.py"}


@dataclass(frozen=True)
class Command:
    """One simple command: the variables before it, its program, its arguments."""

    where: str
    words: tuple[str, ...]
    env: dict[str, str] = field(default_factory=dict)

    @property
    def program(self):
        """The first word."""
        return self.words[0]

    @property
    def arguments(self):
        """All but the program."""
        return list(self.words[1:])

    @property
    def text(self):
        """Return the command as it can be typed."""
        variables = [f"{name}={shlex.quote(value)}" for name, value in self.env.items()]
        return " ".join([*variables, shlex.join(self.words)])


def in_blocks(page):
    """The command lines in a page's shell blocks; in blocks of no language, those that begin with a program of ours."""
    for block in page.blocks:
        if block.language in ("bash", "sh", "console"):
            yield from _in_block(block)
        elif not block.language:
            yield from (command for command in _in_block(block) if command.program in OURS)


def commands_of(page):
    """All command lines of a page: those in shell blocks, and inline code that begins with a program of ours."""
    yield from in_blocks(page)
    for line, code in page.spans():
        first = next((word for word in code.split() if "=" not in word), "")
        if first in OURS and " " in code and not SCHEMATIC.search(code):
            yield from split(f"{page.name}:{line}", code)


def _in_block(block):
    for line in block.text.replace("\\\n", " ").splitlines():
        if block.language or line.startswith(OURS):
            yield from split(block.where, line)


def split(where, line):
    """The simple commands of a line of shell, without comments and redirections."""
    lexer = shlex.shlex(line, posix=True, punctuation_chars=True)
    lexer.whitespace_split = True
    words, env, skip_next = [], {}, False
    for token in [*lexer, ";"]:
        if skip_next:
            skip_next = False
        elif token in OPERATORS:
            if words:
                yield Command(where, tuple(PLACEHOLDERS.get(word, word) for word in words), env)
            words, env, skip_next = [], {}, token.startswith(">")
        elif not words and "=" in token and token.split("=")[0].isupper():
            name, _, env[name] = token.partition("=")
        else:
            words.append(token)


def check(command):
    """Raises AssertionError unless the command's own parser takes it."""
    program, arguments = command.program, command.arguments
    if program == "python":
        module, *arguments = [word for word in arguments if word != "-m"]
        if module == "pytest":
            return
        program = {
            "echo_agent.py": "fleetlm-echo-agent",
            "echo_agent": "fleetlm-echo-agent",
            "fleetlm_users.standin": "fleetlm-standin",
            "fleetlm_users.cli": "fleetlm-bench",
            "benchmarks": "benchmarks",
        }[module]
    _CHECKS[program](command, arguments)


def benchmark_of(locustfile):
    """The benchmark that a locustfile (of the project, or of the current folder) installs, without installing it."""
    module, taken = import_module("fleetlm_users.users.install"), []
    original, module.install_benchmark = module.install_benchmark, taken.append
    try:
        runpy.run_path(str(locustfile if Path(locustfile).exists() else ROOT / locustfile))
    finally:
        module.install_benchmark = original
    return taken[-1]


def options_for(benchmark, arguments):
    """(Locust's namespace, our Options) of an argument list, resolved and checked as before a run."""
    parser = get_parser(default_config_files=[])
    register(parser, benchmark)
    parsed = parser.parse_args(arguments)
    options = options_of(parsed, benchmark, parsed.host, asked_of(parsed))
    catalogue = DEFAULT.with_metrics(benchmark.metrics)
    for text in (*options.plan.thresholds, *options.given_thresholds):
        parse_thresholds([text], catalogue, tuple(benchmark.behaviours))
    benchmark.validate(options)
    return parsed, options


def locustfile_of(arguments):
    """The first file after -f."""
    return arguments[arguments.index("-f") + 1].split(",")[0]


def _locust(command, arguments):
    if arguments in (["--help"], ["--version"]):
        return
    saved = dict(os.environ)
    os.environ.update(command.env)
    try:
        options_for(benchmark_of(locustfile_of(arguments)), arguments)
    except SystemExit as ended:
        raise AssertionError(f"{command.text}: exit {ended.code}") from ended
    finally:
        os.environ.clear()
        os.environ.update(saved)


def _bench(command, arguments):
    name, *rest = arguments or ["--help"]
    if name in ("--help", "--version"):
        return
    assert name in cli.commands, command.text
    if not rest or rest == ["--help"]:  # in prose, a command is called by its name
        return
    if name in ("standin", "echo-agent"):
        _CHECKS[f"fleetlm-{name}"](command, rest)
        return
    try:
        cli.commands[name].make_context(name, rest)
    except click.ClickException as problem:
        raise AssertionError(f"{command.text}: {problem.format_message()}") from problem


def _standin(command, arguments):
    try:
        standin_options.parse(arguments)
    except SystemExit as ended:
        raise AssertionError(f"{command.text}: exit {ended.code}") from ended


def _echo_agent(command, arguments):
    try:
        echo_agent.parse_options(arguments, command.env)
    except SystemExit as ended:
        raise AssertionError(f"{command.text}: exit {ended.code}") from ended


def _benchmarks(command, arguments):
    try:
        benchmarks_cli.parser().parse_args(arguments)
    except SystemExit as ended:
        if ended.code:  # --help ends with 0
            raise AssertionError(f"{command.text}: exit {ended.code}") from ended


def _make(command, arguments):
    for given in (word for word in arguments if word.startswith("BENCH=")):
        _benchmarks(command, ["run", *shlex.split(given.removeprefix("BENCH="))])
    asked = subprocess.run(["make", "-n", *arguments], cwd=ROOT, capture_output=True, text=True, check=False)
    assert asked.returncode == 0, f"{command.text}: {asked.stderr}"


_CHECKS = {
    "locust": _locust,
    "fleetlm-bench": _bench,
    "fleetlm-standin": _standin,
    "fleetlm-echo-agent": _echo_agent,
    "benchmarks": _benchmarks,
    "make": _make,
}
