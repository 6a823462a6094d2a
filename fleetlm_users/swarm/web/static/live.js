// The live page: polls the server for news and shows it. The server keeps the history, so a reload loses nothing.

import { History, makeCharts } from "./charts.js";
import * as format from "./format.js";
import * as tables from "./tables.js";

const WHILE_RUNNING_MS = 2000;
const WHILE_IDLE_MS = 4000;
const MOST_POINTS = 3000; // beyond it the history is fetched again: the server condenses what is old

const history = new History();
const drawCharts = makeCharts();
const place = (id) => document.getElementById(id);
let key = "";
let state = "";

class LoginNeeded extends Error {}

async function fetchNews() {
  const query = new URLSearchParams({ key, since: String(history.end) });
  const response = await fetch(`fleetlm/live.json?${query}`, { cache: "no-store" });
  if (!(response.headers.get("content-type") ?? "").includes("json")) throw new LoginNeeded();
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}

function show(data) {
  if (data.key !== key || history.points.length > MOST_POINTS) history.clear();
  const isNewRun = data.key !== key;
  key = data.key;
  document.body.dataset.state = data.state;
  document.body.dataset.key = key;
  place("state").textContent = stateWords(data);
  tables.showPast(data.past);
  if (data.state === "ready") return showNothing();
  const ended = data.state === "ended" && state !== "ended";
  history.take(data.series);
  showRun(data);
  announce(data, isNewRun, ended);
  drawCharts(history, { warmUp: data.run.warm_up_s, sends: data.sends, stages: data.run.stages });
}

function stateWords({ state, run }) {
  if (state !== "running" || run.speed === 1) return state.toUpperCase();
  return run.speed ? `RUNNING AT ${format.percent(100 * run.speed)} OF THE RATE` : "PAUSED";
}

function showNothing() {
  place("title").textContent = "No run yet";
  place("time").textContent = place("users").textContent = format.NOTHING;
  tables.showVerdict(null, []);
  state = "ready";
}

function showRun(data) {
  const { run } = data;
  const planned = run.planned_s ? ` / ${format.clock(run.planned_s)}` : "";
  place("time").textContent = format.clock(run.elapsed_s) + planned;
  place("users").textContent = `${format.count(run.users)} / ${format.count(run.planned_users)}`;
  place("title").textContent = run.benchmark + (run.preset ? ` · ${run.preset}` : "");
  place("about").textContent = `run ${run.run_id} against ${run.target}, started ${run.started_at}`;
  place("phase").textContent = data.phase === "main" ? "since the warm-up" : "of the warm-up, which is not judged";
  document.title = `${data.verdict ? data.verdict.kind.toUpperCase() : data.state} · FleetLM`;
  tables.showVerdict(data.verdict, data.files);
  tables.showThresholds(data.thresholds);
  tables.showTiles(data);
  tables.showStorm(data.storm);
  tables.showWorkers(data.workers);
  tables.showAccountings(data.accountings);
  tables.showFigures(data);
}

// for screen readers: starts and ends, not every figure
function announce(data, isNewRun, ended) {
  if (ended) place("news").textContent = `The run has ended: ${data.verdict.kind}.`;
  else if (isNewRun) place("news").textContent = `Run ${data.run.run_id} is ${data.state}.`;
  state = data.state;
}

function showProblem(problem) {
  const box = place("problem");
  box.hidden = !problem;
  if (!problem) return box.replaceChildren();
  if (problem instanceof LoginNeeded) {
    box.replaceChildren("Your login has expired. ", tables.element("a", { href: "./login" }, "Log in again"), ".");
  } else if (!box.textContent) {
    box.textContent = `Locust has not answered since ${new Date().toLocaleTimeString()}; the figures shown are older. Retrying …`;
  }
}

async function go() {
  try {
    if (!document.hidden) {
      show(await fetchNews());
      showProblem(null);
    }
  } catch (problem) {
    showProblem(problem);
  }
  const isIdle = state === "ended" || state === "ready";
  setTimeout(go, isIdle ? WHILE_IDLE_MS : WHILE_RUNNING_MS);
}

go();
