// A bar on Locust's page: a link to the live charts, the thresholds at a glance, and at the end verdict and report.
"use strict";

(() => {
  const POLL_MS = 4000;
  const STYLE = `
    :host { position: fixed; left: 50%; bottom: 10px; transform: translateX(-50%); z-index: 1100; }
    p { margin: 0; display: flex; flex-wrap: wrap; gap: 2px 16px; align-items: center; justify-content: center;
      background: #14532d; color: #fff; font: 15px/1.4 Roboto, system-ui, sans-serif; padding: 9px 20px; border-radius: 22px;
      box-shadow: 0 2px 10px #0007; width: max-content; max-width: calc(100vw - 24px); }
    a { color: #d9f99d; font-weight: 600; } a:focus-visible { outline: 3px solid #fff; outline-offset: 3px; }`;

  const host = document.createElement("aside");
  host.setAttribute("aria-label", "FleetLM");
  const root = host.attachShadow({ mode: "open" }); // keeps its styles and Locust's apart
  const style = document.createElement("style");
  style.textContent = STYLE;
  const line = document.createElement("p");
  const state = document.createElement("span");
  state.setAttribute("role", "status");
  const link = (href, text) => Object.assign(document.createElement("a"), { href, textContent: text });
  const charts = link("./fleetlm", "FleetLM live charts");
  line.append(charts, state);
  root.append(style, line);

  function marks(thresholds) {
    const number = (mark) => thresholds.filter((threshold) => threshold.mark === mark).length;
    return ["✓", "✗", "?", "–", "…"].filter(number).map((mark) => `${mark} ${number(mark)}`).join("  ");
  }

  function show(data) {
    const report = data.files?.find((file) => file.name === "report.html");
    const words = data.verdict ? data.verdict.kind.toUpperCase() : data.state === "ready" ? "" : `thresholds ${marks(data.thresholds)}`;
    if (state.textContent !== words) state.textContent = words;
    const links = [charts, ...(report ? [link(report.href, "report")] : [])];
    const shown = [...line.querySelectorAll("a")].map((each) => each.href).join();
    if (shown !== links.map((each) => each.href).join()) line.replaceChildren(charts, state, ...links.slice(1));
  }

  async function go() {
    try {
      const response = await fetch("./fleetlm/figures.json", { cache: "no-store" });
      if (!document.hidden && response.ok) show(await response.json());
    } catch {
      state.textContent = ""; // Locust's own page says when it has lost its server
    }
    setTimeout(go, POLL_MS);
  }

  document.body.append(host);
  document.body.style.paddingBottom = "64px"; // the page's last lines can be scrolled above the bar
  go();
})();
