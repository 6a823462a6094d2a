// The live page: asks the server what is new and shows it. The server keeps the history, so a reload loses nothing.

import { History, makeCharts } from "./charts.js";
import * as format from "./format.js";
import * as tables from "./tables.js";

const WHILE_RUNNING_MS = 2000;
const WHILE_IDLE_MS = 4000;
const MOST_POINTS = 3000; // then the history is asked for anew: the server tells old times in longer stretches

const history = new History();
const drawCharts = makeCharts();
const place = (id) => document.getElementById(id);
let key = "";
let state = "";

class LoginNeeded extends Error {}

async function ask() {
  const wanted = new URLSearchParams({ key, since: String(history.end) });
  const response = await fetch(`fleetlm/live.json?${wanted}`, { cache: "no-store" });
  if (!(response.headers.get("content-type") ?? "").includes("json")) throw new LoginNeeded();
  if (!response.ok) throw new Error(`HTTP ${response.status}`);
  return response.json();
}

function show(told) {
  if (told.key !== key || history.points.length > MOST_POINTS) history.clear();
  const isNewRun = told.key !== key;
  key = told.key;
  document.body.dataset.state = told.state;
  document.body.dataset.key = key;
  place("state").textContent = told.state.toUpperCase();
  tables.showPast(told.past);
  if (told.state === "ready") return showNothing();
  const ended = told.state === "ended" && state !== "ended";
  history.take(told.series);
  showRun(told);
  announce(told, isNewRun, ended);
  drawCharts(history, told.run.warm_up_s);
}

function showNothing() {
  place("title").textContent = "No run yet";
  place("time").textContent = place("users").textContent = format.NOTHING;
  tables.showVerdict(null, []);
  state = "ready";
}

function showRun(told) {
  const { run } = told;
  const planned = run.planned_s ? ` / ${format.clock(run.planned_s)}` : "";
  place("time").textContent = format.clock(run.elapsed_s) + planned;
  place("users").textContent = `${format.count(run.users)} / ${format.count(run.planned_users)}`;
  place("title").textContent = run.benchmark + (run.preset ? ` · ${run.preset}` : "");
  place("about").textContent = `run ${run.run_id} against ${run.target}, started ${run.started_at}`;
  place("phase").textContent = told.phase === "main" ? "since the warm-up" : "of the warm-up, which is not judged";
  document.title = `${told.verdict ? told.verdict.kind.toUpperCase() : told.state} · FleetLM`;
  tables.showVerdict(told.verdict, told.files);
  tables.showThresholds(told.thresholds);
  tables.showTiles(told);
  tables.showWorkers(told.workers);
  tables.showAccounting(told.accounting);
  tables.showFigures(told);
}

// for who listens to the page instead of looking at it: beginnings and ends, not each figure
function announce(told, isNewRun, ended) {
  if (ended) place("news").textContent = `The run has ended: ${told.verdict.kind}.`;
  else if (isNewRun) place("news").textContent = `Run ${told.run.run_id} is ${told.state}.`;
  state = told.state;
}

function showProblem(problem) {
  const box = place("problem");
  box.hidden = !problem;
  if (!problem) return box.replaceChildren();
  if (problem instanceof LoginNeeded) {
    box.replaceChildren("Your login has ended. ", tables.element("a", { href: "./login" }, "Log in again"), ".");
  } else if (!box.textContent) {
    box.textContent = `Locust does not answer since ${new Date().toLocaleTimeString()}; what you see is older. Trying again …`;
  }
}

async function go() {
  try {
    if (!document.hidden) {
      show(await ask());
      showProblem(null);
    }
  } catch (problem) {
    showProblem(problem);
  }
  const isIdle = state === "ended" || state === "ready";
  setTimeout(go, isIdle ? WHILE_IDLE_MS : WHILE_RUNNING_MS);
}

go();
