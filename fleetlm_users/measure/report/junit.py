"""The verdict as JUnit XML for CI: one test per threshold, and one that says whether the numbers can be believed.

Format: https://github.com/testmoapp/junitxml. CI shows green only if the run is green: a doubt is an `error`, never a
skip.
"""

import re
from typing import Final
from xml.etree import ElementTree

from fleetlm_users.measure import formatting
from fleetlm_users.measure.report.findings import audit_lines, finding_lines
from fleetlm_users.measure.report.summary.types import Summary, ThresholdEntry

CAPACITY: Final = "the search found what the server sustains"
BELIEVABLE: Final = "the numbers can be believed"
_NOT_IN_XML: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
"""All characters outside XML 1.0's production Char. Listing the allowed ones instead takes twenty times as long to
compile.
"""


def render_junit(summary: Summary) -> str:
    """Return the XML document, ended by a newline.

    A missed threshold is a failure, an undecided one an error; one that had nothing to judge is skipped.
    """
    benchmark = str(summary["options"].get("benchmark") or "run")
    unreached = summary["verdict"]["kind"] == "inconclusive"  # an interrupted run is not blamed for empty thresholds
    cases = [_threshold(entry, benchmark, unreached) for entry in summary["thresholds"]]
    if "capacity" in summary:
        cases.append(_capacity(summary, benchmark))
    cases.append(_believable(summary["verdict"]["doubts"], benchmark))
    attributes = {
        "name": _clean(f"fleetlm {benchmark} {summary['options'].get('run_id') or ''}".strip()),
        "tests": str(len(cases)),
        "failures": str(sum(case.find("failure") is not None for case in cases)),
        "errors": str(sum(case.find("error") is not None for case in cases)),
        "skipped": str(sum(case.find("skipped") is not None for case in cases)),
        "time": f"{summary['run']['elapsed_s']:.3f}",
    }
    if summary["run"]["started_at"]:
        attributes["timestamp"] = _clean(summary["run"]["started_at"])
    suite = ElementTree.Element("testsuite", attributes)
    suite.extend(cases)
    named = [*audit_lines(summary), *finding_lines(summary)]
    if named:
        ElementTree.SubElement(suite, "system-out").text = _clean("\n".join(named))
    ElementTree.indent(suite)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(suite, encoding="unicode") + "\n"


def _threshold(entry: ThresholdEntry, benchmark: str, unreached: bool) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=_clean(benchmark), name=_clean(entry["expression"]))
    measured = formatting.outcome(entry)
    words = f": {entry['problem']}" if entry["problem"] and entry["measured"] is not None else ""
    words += f"; {entry['note']}" if entry.get("note") else ""
    if formatting.is_undecided(entry) or (unreached and not entry["ok"]):
        ElementTree.SubElement(case, "error", type="inconclusive", message=_clean(f"{measured}: {entry['problem']}"))
    elif formatting.is_unjudged(entry):
        ElementTree.SubElement(case, "skipped", message=_clean(f"{measured}: {entry['problem']}"))
    elif not entry["ok"]:
        ElementTree.SubElement(case, "failure", type="threshold", message=_clean(f"measured: {measured}{words}"))
    note = formatting.note(entry) or f"of {formatting.count(entry['samples'])} samples"
    ElementTree.SubElement(case, "system-out").text = _clean(f"{measured} {note}")
    return case


def _capacity(summary: Summary, benchmark: str) -> ElementTree.Element:
    """Return the result of a search as a test; it fails by itself, whatever the thresholds at the kept load."""
    case = ElementTree.Element("testcase", classname=_clean(benchmark), name=CAPACITY)
    for failure in summary["verdict"]["failures"]:
        ElementTree.SubElement(case, "failure", type="capacity", message=_clean(failure))
    ElementTree.SubElement(case, "system-out").text = _clean(summary["capacity"]["words"])
    return case


def _believable(doubts: list[str], benchmark: str) -> ElementTree.Element:
    case = ElementTree.Element("testcase", classname=_clean(benchmark), name=BELIEVABLE)
    if doubts:
        error = ElementTree.SubElement(case, "error", type="inconclusive", message=_clean(doubts[0]))
        error.text = _clean("\n".join(doubts))
    return case


def _clean(text: str) -> str:
    """Return the text without characters that XML cannot hold: a reason may quote the server."""
    return _NOT_IN_XML.sub("?", text)
