// Tables, tiles and lists. Text only ever becomes text nodes, so nothing that a server says can become markup.

import * as format from "./format.js";

export function element(name, properties = {}, ...children) {
  const created = Object.assign(document.createElement(name), properties);
  created.append(...children);
  return created;
}

export function table(caption, head, rows) {
  const cell = (text, index) => (index ? element("td", {}, text) : element("th", { scope: "row" }, text));
  const heads = head.map((text) => element("th", { scope: "col" }, text));
  return element(
    "div",
    { className: "card scroll", tabIndex: 0, role: "region", ariaLabel: caption },
    element(
      "table",
      {},
      element("caption", { className: "unseen" }, caption),
      element("thead", {}, element("tr", {}, ...heads)),
      element("tbody", {}, ...rows.map((row) => element("tr", {}, ...row.map(cell)))),
    ),
  );
}

function fill(id, ...nodes) {
  const place = document.getElementById(id);
  const scrolled = [...place.querySelectorAll(".scroll")].map((box) => box.scrollLeft);
  const focused = [...place.querySelectorAll(".scroll")].indexOf(document.activeElement);
  place.replaceChildren(...nodes);
  const boxes = [...place.querySelectorAll(".scroll")];
  boxes.forEach((box, index) => (box.scrollLeft = scrolled[index] ?? 0));
  boxes[focused]?.focus();
}

const MARKS = { "✓": ["pass", "kept"], "✗": ["fail", "missed"], "?": ["inconclusive", "too few samples"], "–": ["dim", "not judged"], "…": ["dim", "open"] };

function threshold(entry) {
  const [look, words] = MARKS[entry.mark];
  return element(
    "li",
    {},
    element("span", { className: `sign ${look}`, role: "img", ariaLabel: words }, entry.mark),
    element("span", { className: "subject" }, entry.subject),
    element("span", { className: "condition" }, entry.condition),
    element("span", { className: `measured ${look}` }, entry.value),
    element("span", { className: "note" }, entry.shown_note),
  );
}

export function showThresholds(entries) {
  const list = entries.length
    ? element("ul", { className: "card rules" }, ...entries.map(threshold))
    : element("p", { className: "dim" }, "No thresholds are judged during this run.");
  fill("thresholds", list);
}

function tile(name, figure, more) {
  return element(
    "div",
    { className: "card tile" },
    element("small", {}, name),
    element("b", {}, figure),
    element("small", {}, more),
  );
}

function latencyTile(name, trends, metric) {
  const found = trends.find((trend) => trend.name === metric);
  return tile(name, found ? `${format.ms(found.p95)} ms` : format.NOTHING, found ? `p99 ${format.ms(found.p99)} ms` : "no samples");
}

function waitingTile(name, waiting) {
  return tile(name, format.count(waiting.now), `${format.count(waiting.peak)} at most`);
}

function messageTiles({ accounting, waiting, trends, rates }) {
  const replied = rates.find((rate) => rate.name === "agent_reply_rate");
  return [
    latencyTile("Append p95", trends, "append_latency_ms"),
    tile("Sent", format.count(accounting.sent), `${format.count(accounting.in_flight)} in flight`),
    tile("Appended", format.count(accounting.appended), `${format.count(accounting.rejected + accounting.lost)} rejected or lost`),
    tile("Agent replied", replied ? replied.shown : format.NOTHING, replied ? `of ${format.count(replied.total)} appended` : "none due yet"),
    waitingTile("Waiting for the agent", waiting.agent),
  ];
}

function pushTiles({ accountings, waiting, trends, rates }) {
  const counts = (what) => {
    const accounting = accountings.find((each) => each.what === what);
    return (fate) => accounting?.counts[accounting.head.indexOf(fate)] ?? 0;
  };
  const pushes = counts("pushes");
  const seen = rates.find((rate) => rate.name === "event_success_rate");
  return [
    latencyTile("Push p95", trends, "push_latency_ms"),
    latencyTile("Event p95", trends, "event_latency_ms"),
    tile("Pushed", format.count(pushes("sent")), `${format.count(pushes("in flight"))} in flight`),
    tile("Replied", format.count(pushes("replied")), `${format.count(pushes("refused") + pushes("timed out") + pushes("lost"))} failed`),
    tile("Events seen", seen ? seen.shown : format.NOTHING, seen ? `of ${format.count(seen.total)} awaited` : "none awaited yet"),
    waitingTile("Waiting for their reply", waiting.push),
  ];
}

export function showTiles(data) {
  const { sends, connections, run } = data;
  fill(
    "tiles",
    tile("Active sessions", format.count(connections.now), `${format.count(connections.peak)} at most`),
    ...(sends.includes("messages") ? messageTiles(data) : []),
    ...(sends.includes("pushes") ? pushTiles(data) : []),
    tile("Users", format.count(run.users), `${format.count(run.planned_users)} planned`),
  );
}

export function showStorm(storm) {
  document.getElementById("storm").hidden = !storm;
  if (!storm) return;
  fill("storm-lines", ...storm.lines.map((line) => element("li", {}, line)));
  fill("storm-tiles", ...storm.tiles.map(({ name, figure, more }) => tile(name, figure, more)));
}

export function showWorkers(workers) {
  const rows = workers.map((worker) => [
    worker.worker,
    format.percent(worker.cpu_percent),
    format.percent(worker.cpu_peak_percent),
    format.bytes(worker.rss_bytes),
    format.ms(worker.lateness_p99_ms),
    format.ms(worker.loop_lag_p99_ms),
    worker.final ? "✓" : "…",
  ]);
  const head = ["worker", "CPU", "CPU peak", "memory", "lateness p99 ms", "loop lag p99 ms", "final report"];
  fill("workers", ...(rows.length ? [table("Workers", head, rows)] : []));
}

export function showAccountings(accountings) {
  const tables = accountings.map((accounting) => {
    const row = [accounting.what, ...accounting.counts.map(format.count), accounting.adds_up ? "✓" : "✗"];
    return table(`Fates of all ${accounting.what}, warm-up included`, ["", ...accounting.head, "adds up"], [row]);
  });
  fill("accounting", ...tables);
}

export function showFigures({ trends, rates, counters }) {
  const statistics = ["min", "avg", "med", "p95", "p99", "max"];
  const trendRows = trends.map((trend) => [trend.name, format.count(trend.count), ...statistics.map((name) => format.ms(trend[name]))]);
  const rateRows = rates.map((rate) => [rate.name, rate.shown, format.count(rate.passes), format.count(rate.total)]);
  const counterRows = counters.map((counter) => [counter.name, format.count(counter.count), format.perSecond(counter.per_s)]);
  fill("trends", table("Durations in ms", ["ms", "count", ...statistics], trendRows));
  fill("rates", table("Rates", ["rate", "", "passes", "of"], rateRows));
  fill("counters", table("Counters", ["counter", "count", "per second"], counterRows));
}

export function showVerdict(verdict, files) {
  document.getElementById("verdict").hidden = !verdict;
  if (!verdict) return;
  const kind = document.getElementById("verdict-kind");
  kind.textContent = verdict.kind.toUpperCase();
  kind.className = verdict.kind;
  const reasons = [...verdict.failures.map((text) => `✗ ${text}`), ...verdict.doubts.map((text) => `? ${text}`)];
  fill("reasons", ...reasons.map((text) => element("li", {}, text)));
  const links = files.map(({ name, href }) => element("li", {}, element("a", { href }, name)));
  fill("files", ...(links.length ? links : [element("li", { className: "dim" }, "No result files were written.")]));
}

export function showPast(past) {
  document.getElementById("past-section").hidden = !past.length;
  const rows = past.map((run) => [
    run.report ? element("a", { href: run.report }, run.run_id) : run.run_id,
    run.preset,
    run.started_at,
    element("span", { className: run.verdict }, run.verdict),
  ]);
  fill("past", table("Earlier runs", ["run", "preset", "started", "verdict"], rows));
}
