// The charts: their series, how they are drawn, and the same data as a table for those who cannot see them.

import * as format from "./format.js";
import { element, table } from "./tables.js";

const PERCENTILES = ["p50", "p95", "p99"];
const TABLE_ROWS = 60;
const MAX_CPU_LINES = 12; // with more workers only the highest is drawn; the table below has each of them
const COLOURS = ["--c1", "--c2", "--c3", "--c4", "--c5", "--c6"];

const percentiles = (trend, names) => names.map((name) => [name, `${trend}_${name}_ms`]);

const CHARTS = [
  { place: "charts", sends: "messages", title: "Append latency", unit: "ms", show: format.ms, series: percentiles("append", PERCENTILES) },
  { place: "charts", sends: "messages", title: "Agent latency", unit: "ms", show: format.ms, series: percentiles("agent", PERCENTILES) },
  {
    place: "charts", title: "First chunk of the agent's answer", unit: "ms", show: format.ms, onlyWithData: true,
    series: percentiles("first_chunk", PERCENTILES),
  },
  {
    place: "charts", title: "Gaps between its chunks", unit: "ms", show: format.ms, onlyWithData: true,
    series: percentiles("chunk_gap", PERCENTILES),
  },
  {
    place: "charts", title: "Time from its first to its last chunk", unit: "ms", show: format.ms, onlyWithData: true,
    series: percentiles("stream", PERCENTILES),
  },
  {
    place: "charts", title: "Chunks of the agent's answers", unit: "per second", show: format.perSecond, onlyWithData: true,
    series: [["chunks", "chunks"]],
  },
  {
    place: "charts", title: "Streams that stalled or broke off", unit: "per second", show: format.perSecond, onlyWithData: true,
    series: [["ended without a message", "streams_incomplete"], ["stalls", "stream_stalls"]],
  },
  // with one scenario these would repeat those above
  { place: "charts", title: "First chunk by scenario", unit: "ms, p95", show: format.ms, onlyWithData: true, ofScenarios: 0 },
  { place: "charts", title: "Gaps between chunks by scenario", unit: "ms, p95", show: format.ms, onlyWithData: true, ofScenarios: 1 },
  { place: "charts", title: "Time from first to last chunk by scenario", unit: "ms, p95", show: format.ms, onlyWithData: true, ofScenarios: 2 },
  { place: "charts", title: "Chunks by scenario", unit: "per second", show: format.perSecond, onlyWithData: true, ofScenarios: 3 },
  { place: "charts", title: "Streams that stalled or broke off, by scenario", unit: "per second", show: format.perSecond, onlyWithData: true, ofScenarios: 4 },
  {
    place: "charts", sends: "messages", title: "Messages", unit: "per second", show: format.perSecond,
    series: [["sent", "sent"], ["appended", "appended"], ["replied", "agent_replies"]],
  },
  {
    place: "charts", sends: "messages", title: "Backlog", unit: "messages waiting", show: format.count,
    series: [["for their append", "append_backlog"], ["for the agent", "agent_backlog"]],
  },
  { place: "charts", sends: "pushes", title: "Push latency", unit: "ms", show: format.ms, series: percentiles("push", PERCENTILES) },
  {
    place: "charts", sends: "pushes", title: "Event latency", unit: "ms", show: format.ms, onlyWithData: true,
    series: percentiles("event", PERCENTILES),
  },
  {
    place: "charts", sends: "pushes", title: "Pushes and events", unit: "per second", show: format.perSecond,
    series: [
      ["pushed", "pushes_sent"], ["replied", "pushes_replied"], ["no reply awaited", "pushes_without_reply"],
      ["events", "events_received"],
    ],
  },
  {
    place: "charts", sends: "pushes", title: "Backlog of pushes and events", unit: "waiting", show: format.count,
    series: [["for their reply", "push_backlog"], ["due events", "event_backlog"]],
  },
  {
    place: "charts", title: "Sessions that arrive", unit: "per second", show: format.perSecond, onlyWithData: true,
    series: [["begun", "visits_begun"], ["dropped", "visits_dropped"]],
  },
  { place: "charts", title: "Active sessions", unit: "joined sockets", show: format.count, series: [["sessions", "connections"]] },
  {
    place: "charts", sends: "messages", title: "Backpressure and failures", unit: "per second", show: format.perSecond,
    series: [
      ["backpressure", "backpressure"], ["rejected", "rejected"], ["lost", "lost"],
      ["connections failed", "connection_failures"], ["disconnects", "disconnects"], ["sessions failed", "session_failures"],
    ],
  },
  {
    place: "charts", sends: "pushes", title: "Failures of pushes and events", unit: "per second", show: format.perSecond,
    series: [
      ["refused", "pushes_refused"], ["timed out", "pushes_timed_out"], ["pushes lost", "pushes_lost"],
      ["events missed", "events_missed"], ["joins failed", "join_failures"], ["channels lost", "channels_lost"],
    ],
  },
  {
    place: "charts", sends: "pushes", title: "Failures of connections", unit: "per second", show: format.perSecond,
    series: [
      ["connections failed", "connection_failures"], ["disconnects", "disconnects"], ["sessions failed", "session_failures"],
    ],
  },
  { place: "charts", title: "Join latency", unit: "ms", show: format.ms, series: percentiles("join", PERCENTILES) },
  { place: "generator-charts", title: "Lateness of sends", unit: "ms", show: format.ms, series: percentiles("lateness", ["p50", "p95", "p99", "max"]) },
  { place: "generator-charts", title: "Event loop lag", unit: "ms", show: format.ms, series: percentiles("loop_lag", ["p50", "p95", "p99", "max"]) },
  { place: "generator-charts", title: "CPU per worker", unit: "% of a core", show: format.percent, cpu: true },
];

const FIGURES_OF_A_SCENARIO = 5; // first chunk, gap, length, chunks and broken streams, in this order

const css = (name) => getComputedStyle(document.documentElement).getPropertyValue(name).trim();

// a value between two gaps has no line, so it gets a point
function lonely(plot, index, show) {
  const values = plot.data[index];
  if (show) return null;
  const points = [];
  for (let at = 0; at < values.length; at++) {
    if (values[at] != null && values[at - 1] == null && values[at + 1] == null) points.push(at);
  }
  return points;
}

class Chart {
  constructor(definition) {
    this.definition = definition;
    this.labels = [];
    this.data = [[]];
    this.warmUp = 0;
    this.sends = [];
    this.stages = [];
    this.plot = null;
    this.keys = element("span", { className: "keys" });
    this.area = element("div", { className: "plot", role: "img" });
    this.rows = element("div");
    this.details = element("details", {}, element("summary", {}, `${definition.title} as a table`), this.rows);
    const caption = element("figcaption", {}, element("b", {}, definition.title), element("small", {}, definition.unit), this.keys);
    this.figure = element("figure", { className: "card chart" }, caption, this.area, this.details);
    this.details.addEventListener("toggle", () => this.fillTable());
    this.figure.hidden = this.isNotNeeded();
    document.getElementById(definition.place).append(this.figure);
    new ResizeObserver(() => this.resize()).observe(this.area);
    document.addEventListener("themechange", () => this.rebuild());
  }

  update(labels, data, about) {
    const isSame = labels.join("\n") === this.labels.join("\n");
    Object.assign(this, { labels, data }, about);
    this.figure.hidden = this.isNotNeeded();
    if (this.plot && isSame) this.plot.setData(data);
    else this.rebuild();
    this.showValues(data[0].length - 1);
    this.area.ariaLabel = this.inWords();
    if (this.details.open) this.fillTable();
  }

  // what a run does not send has no chart, nor what only some servers do until there is something to draw
  isNotNeeded() {
    const { sends } = this.definition;
    if (sends && !this.sends.includes(sends)) return true;
    return this.definition.onlyWithData === true && !this.data.slice(1).some((values) => values.some((value) => value)); // nothing, or only zeros
  }

  rebuild() {
    this.plot?.destroy();
    this.plot = null;
    this.keys.replaceChildren(...this.labels.map((label, index) => this.key(label, index)));
    if (!this.labels.length || !this.area.clientWidth) return;
    this.plot = new uPlot(this.options(), this.data, this.area);
    this.showValues(this.data[0].length - 1);
  }

  resize() {
    if (!this.plot) this.rebuild();
    else if (this.plot.width !== this.area.clientWidth) this.plot.setSize({ width: this.area.clientWidth, height: 190 });
  }

  key(label, index) {
    const key = element("span", { className: "key" }, element("i"), label, " ", element("b"));
    key.firstChild.style.background = css(COLOURS[index % COLOURS.length]);
    return key;
  }

  // the values of one moment, in the legend
  showValues(at) {
    this.keys.querySelectorAll("b").forEach((place, index) => {
      place.textContent = this.definition.show(this.data[index + 1]?.[at]);
    });
  }

  inWords() {
    const { title, unit, show } = this.definition;
    const summaries = this.labels.map((label, index) => {
      const values = this.data[index + 1].filter((value) => value != null);
      if (!values.length) return `${label} no data`;
      const highest = values.reduce((one, other) => Math.max(one, other));
      return `${label} ${show(values.at(-1))}, at most ${show(highest)}`;
    });
    return `${title} in ${unit}: ${summaries.join("; ") || "no data yet"}`;
  }

  fillTable() {
    if (!this.details.open) return this.rows.replaceChildren();
    const last = this.data[0].length;
    const moments = Array.from({ length: Math.min(TABLE_ROWS, last) }, (_, back) => last - 1 - back);
    const rows = moments.map((at) => [
      format.clock(this.data[0][at]),
      ...this.labels.map((_, index) => this.definition.show(this.data[index + 1][at])),
    ]);
    const caption = `${this.definition.title}, ${this.definition.unit}, newest first`;
    this.rows.replaceChildren(table(caption, ["time", ...this.labels], rows));
  }

  options() {
    const axis = { stroke: css("--dim"), grid: { stroke: css("--rule"), width: 1 }, ticks: { show: false }, font: "11.5px system-ui, sans-serif" };
    return {
      width: this.area.clientWidth,
      height: 190,
      legend: { show: false },
      cursor: { sync: { key: "fleetlm" }, points: { size: 6 }, drag: { x: false, y: false } },
      scales: { x: { time: false }, y: { range: (_plot, _low, high) => [0, high > 0 ? high * 1.08 : 1] } },
      axes: [
        { ...axis, size: 28, space: 70, values: (_plot, seconds) => seconds.map(format.clock), incrs: [1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400] },
        { ...axis, size: 52, space: 36, values: (_plot, values) => values.map((value) => value.toLocaleString("en-US", { maximumFractionDigits: 3 })) },
      ],
      series: [{}, ...this.labels.map((label, index) => this.line(label, index))],
      hooks: {
        drawClear: [(plot) => this.shadeStages(plot), (plot) => this.shadeWarmUp(plot)],
        setCursor: [(plot) => this.showValues(plot.cursor.idx ?? this.data[0].length - 1)],
      },
    };
  }

  line(label, index) {
    const stroke = css(COLOURS[index % COLOURS.length]);
    return { label, stroke, width: 1.6, points: { size: 4, fill: stroke, filter: lonely } };
  }

  // every second stage has a ground of its own, and each its name where there is room for it
  shadeStages(plot) {
    const { min, max } = plot.scales.x;
    const { ctx, bbox } = plot;
    ctx.save();
    ctx.font = `${11 * devicePixelRatio}px system-ui, sans-serif`;
    ctx.textBaseline = "top";
    ctx.textAlign = "left";
    this.stages.forEach(([name, begins, ends], number) => {
      const [from, to] = [Math.max(begins, min ?? 0), Math.min(ends, max ?? 0)];
      if (!(to > from)) return;
      const left = plot.valToPos(from, "x", true);
      const width = plot.valToPos(to, "x", true) - left;
      ctx.fillStyle = number % 2 ? css("--stage") : "transparent";
      ctx.fillRect(left, bbox.top, width, bbox.height);
      ctx.fillStyle = css("--dim");
      if (ctx.measureText(name).width + 8 < width) ctx.fillText(name, left + 4, bbox.top + 3);
    });
    ctx.restore();
  }

  shadeWarmUp(plot) {
    const end = Math.min(this.warmUp, plot.scales.x.max ?? 0);
    if (!(end > (plot.scales.x.min ?? 0))) return;
    const left = plot.valToPos(plot.scales.x.min, "x", true);
    plot.ctx.fillStyle = css("--warm");
    plot.ctx.fillRect(left, plot.bbox.top, plot.valToPos(end, "x", true) - left, plot.bbox.height);
  }
}

// The columns of all charts, from the rows that the server sends; rows from `from` on replace those we have.
export class History {
  constructor() {
    this.clear();
  }

  clear() {
    this.columns = [];
    this.points = [];
    this.workers = [];
    this.scenarios = [];
  }

  get end() {
    return this.points.length ? this.points.at(-1).row[0] : 0;
  }

  take(series) {
    this.columns = series.columns;
    this.points = this.points.filter((point) => point.row[0] < series.from);
    series.rows.forEach((row, index) => {
      const cpu = Object.fromEntries(series.workers.map((worker, place) => [worker, series.cpu[index][place]]));
      this.points.push({ row, cpu, byScenario: series.by_scenario[index] });
    });
    this.workers = [...new Set([...this.workers, ...series.workers])];
    this.scenarios = series.scenarios;
  }

  column(name) {
    const index = this.columns.indexOf(name);
    return this.points.map((point) => (index < 0 ? null : point.row[index]));
  }

  // a line for each scenario that streams, where there are several
  ofScenarios(figure) {
    if (this.scenarios.length < 2) return [[], []];
    const line = (place) => this.points.map((point) => point.byScenario[FIGURES_OF_A_SCENARIO * place + figure] ?? null);
    return [this.scenarios, this.scenarios.map((_, place) => line(place))];
  }

  cpu() {
    if (this.workers.length > MAX_CPU_LINES) {
      const highest = (point) => Object.values(point.cpu).reduce((one, other) => Math.max(one, other ?? 0), 0);
      return [[`highest of ${this.workers.length}`], [this.points.map(highest)]];
    }
    const short = this.workers.map((worker) => worker.replace(/_([0-9a-f]{4})[0-9a-f]{28}$/, " $1…"));
    return [short, this.workers.map((worker) => this.points.map((point) => point.cpu[worker] ?? null))];
  }
}

function columnsOf(definition, history) {
  const { series, cpu, ofScenarios } = definition;
  if (cpu) return history.cpu();
  if (ofScenarios !== undefined) return history.ofScenarios(ofScenarios);
  return [series.map(([label]) => label), series.map(([, name]) => history.column(name))];
}

export function makeCharts() {
  const charts = CHARTS.map((definition) => new Chart(definition));
  // `about` holds warmUp, sends and stages of the run
  return (history, about) => {
    const seconds = history.column("second");
    for (const chart of charts) {
      const [labels, columns] = columnsOf(chart.definition, history);
      chart.update(labels, [seconds, ...columns], about);
    }
  };
}
