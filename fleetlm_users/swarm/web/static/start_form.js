// Makes Locust's start form easier: our options are open and under headings, and users, ramp-up and run time follow the
// chosen preset, so that the form always shows what Start will run. The form works without this script too.
"use strict";

(() => {
  const form = window.templateArgs?.fleetlm_form;
  if (!form) return;

  const SUMMARY = "Custom parameters"; // Locust's own words, in its webui
  const EDIT = "Edit running load test";
  const CLOSED = ["Load in detail", "Rarely needed"];
  const OF_LOCUST = { num_users: "userCount", spawn_rate: "spawnRate", run_time: "runTime" };
  const setValue = Object.getOwnPropertyDescriptor(HTMLInputElement.prototype, "value").set;
  const lastSent = {}; // of fields that a new form would show wrong, since it knows only the first page

  const style = document.createElement("style");
  style.textContent = `
    [data-fleetlm="options"] { order: -1; }
    [data-fleetlm="fields"] { display: grid !important; grid-template-columns: 1fr 1fr; gap: 24px 20px !important; }
    [data-fleetlm="fields"] > .fleetlm-heading, [data-fleetlm="fields"] > .fleetlm-note,
    [data-fleetlm="fields"] > .fleetlm-profile,
    [data-fleetlm-wide] { grid-column: 1 / -1; }
    [data-fleetlm-hidden] { display: none !important; }
    .fleetlm-heading { margin: 8px 0 -8px; font: inherit; font-weight: 500; }
    .fleetlm-heading button { all: unset; cursor: pointer; padding: 2px 4px; }
    .fleetlm-heading button:focus-visible { outline: 3px solid #15803d; outline-offset: 2px; }
    .fleetlm-note { margin: -12px 0 0; font-size: 0.9em; opacity: 0.85; overflow-wrap: anywhere; }
    .fleetlm-profile { margin: -12px 0 0; }
    .fleetlm-profile svg { display: block; width: 100%; height: 90px; }
    .fleetlm-profile small { display: block; margin-top: 4px; opacity: 0.85; overflow-wrap: anywhere; }
    .fleetlm-profile .ground { fill: #94a3b8; opacity: 0.15; }
    .fleetlm-profile .area { fill: #15803d; opacity: 0.15; }
    .fleetlm-profile .line { fill: none; stroke: #15803d; stroke-width: 2; vector-effect: non-scaling-stroke; }
    @media (max-width: 700px) { [data-fleetlm="fields"] { grid-template-columns: 1fr; } }`;
  document.head.append(style);

  // Stages as people write them, `peak=2m:100`; null for what is none. The server has the last word on them.
  const SECONDS = { ms: 0.001, s: 1, m: 60, h: 3600, d: 86400 };
  function secondsOf(text) {
    if (/^\d+(\.\d+)?$/.test(text)) return Number(text);
    const parts = [...text.matchAll(/(\d+(?:\.\d+)?)(ms|s|m|h|d)/g)];
    if (!parts.length || parts.map(([whole]) => whole).join("") !== text) return null;
    return parts.reduce((sum, [, number, unit]) => sum + Number(number) * SECONDS[unit], 0);
  }

  function stagesIn(text) {
    const stages = text.split(",").map((piece, index) => {
      const [, name, length, users] = piece.trim().match(/^(?:([A-Za-z][\w-]*)\s*=\s*)?([\d.]+[\da-z.]*)\s*:\s*(\d{1,9}(?:\.\d+)?)$/) ?? [];
      const seconds = length === undefined ? null : secondsOf(length);
      return seconds === null ? null : { name: name ?? `stage${index + 1}`, seconds, users: Number(users) };
    });
    return text.trim() && stages.every(Boolean) ? stages : null;
  }

  const draw = (name, attributes) => {
    const element = document.createElementNS("http://www.w3.org/2000/svg", name);
    for (const [key, value] of Object.entries(attributes)) element.setAttribute(key, value);
    return element;
  };

  // the users, or the sessions a second, that the stages ask for over time
  function profile(stages, what) {
    const total = stages.reduce((sum, { seconds }) => sum + seconds, 0);
    const peak = Math.max(...stages.map(({ users }) => users));
    if (!total || !peak) return null;
    const [width, height] = [600, 90];
    const x = (seconds) => (seconds / total) * width;
    const y = (users) => height - (users / peak) * (height - 4);
    const svg = draw("svg", { viewBox: `0 0 ${width} ${height}`, preserveAspectRatio: "none", "aria-hidden": "true" });
    let [now, line, lasting] = [0, `M0 ${y(0)}`, 0];
    stages.forEach(({ seconds, users }) => {
      if (seconds && lasting++ % 2) svg.append(draw("rect", { x: x(now), width: x(seconds), height, class: "ground" }));
      now += seconds;
      line += `L${x(now).toFixed(1)} ${y(users).toFixed(1)}`;
    });
    svg.append(draw("path", { d: `${line}L${width} ${height}L0 ${height}Z`, class: "area" }), draw("path", { d: line, class: "line" }));
    const words = stages.filter(({ seconds }) => seconds).map(({ name, users }) => `${name} to ${users.toLocaleString("en-US")}`).join(", ");
    const minutes = total >= 120 ? `${Number((total / 60).toFixed(1))} min` : `${Number(total.toFixed(1))} s`;
    return [svg, Object.assign(document.createElement("small"), { textContent: `${what} over ${minutes}: ${words}` })];
  }

  function showProfile(root) {
    const preset = input(root, form.preset);
    const profiles = form.profiles.map((each) => ({ ...each, input: input(root, each.field) })).filter((each) => each.input);
    const figure = Object.assign(document.createElement("div"), { className: "fleetlm-profile" });
    const show = () => {
      const texts = profiles.map((each) => [each.input.value.trim() || each.of[preset.value] || "", each.what]);
      const [drawn] = texts.map(([text, what]) => stagesIn(text) && profile(stagesIn(text), what)).filter(Boolean);
      figure.replaceChildren(...(drawn ?? []));
      figure.toggleAttribute("data-fleetlm-hidden", !drawn);
    };
    (root.querySelector(".fleetlm-note") ?? preset.closest('[data-fleetlm="fields"] > *')).after(figure);
    preset.addEventListener("change", show);
    for (const each of profiles) each.input.addEventListener("input", show);
    show();
  }

  const input = (root, name) => root.querySelector(`[name="${CSS.escape(name)}"]`);

  function put(root, name, value) {
    const field = input(root, name);
    if (!field || field.value === value) return;
    setValue.call(field, value); // React ignores values that its own setter wrote
    field.dispatchEvent(new Event("input", { bubbles: true }));
  }

  function follow(root, preset) {
    const shown = form.shown[preset];
    if (!shown) return;
    for (const [name, field] of Object.entries(OF_LOCUST)) put(root, field, String(shown[name] ?? ""));
    root.dataset.fleetlmRate = shown.spawn_rate;
  }

  function keepRampUp(root, preset) {
    const { num_users: users, spawn_rate: rate } = form.shown[preset] ?? {};
    const [wanted, field] = [Number(input(root, OF_LOCUST.num_users).value), input(root, OF_LOCUST.spawn_rate)];
    const last = Number(root.dataset.fleetlmRate ?? rate);
    if (!users || !wanted || Math.abs(Number(field.value) - last) > last * 1e-5) return; // the rate was typed in
    root.dataset.fleetlmRate = Number(((rate * wanted) / users).toPrecision(6));
    put(root, OF_LOCUST.spawn_rate, root.dataset.fleetlmRate);
  }

  function heading(title, members, isOpen) {
    const element = Object.assign(document.createElement("h3"), { className: "fleetlm-heading" });
    const button = Object.assign(document.createElement("button"), { type: "button" });
    const turn = (open) => {
      button.setAttribute("aria-expanded", String(open));
      button.textContent = `${open ? "▾" : "▸"} ${title}`;
      for (const member of members) member.toggleAttribute("data-fleetlm-hidden", !open);
    };
    button.addEventListener("click", () => turn(button.getAttribute("aria-expanded") === "false"));
    turn(isOpen);
    element.append(button);
    return element;
  }

  function group(container) {
    const fieldOf = (title) => [...container.children].find((child) => input(child, title));
    for (const [title, names] of form.sections) {
      const members = names.map(fieldOf).filter(Boolean);
      if (form.wide.includes(names[0])) members[0]?.setAttribute("data-fleetlm-wide", "");
      if (members.length) members[0].before(heading(title, members, !CLOSED.includes(title)));
    }
  }

  function showPresetNote(root) {
    const preset = input(root, form.preset);
    const field = preset.closest('[data-fleetlm="fields"] > *');
    const note = Object.assign(document.createElement("p"), { className: "fleetlm-note" });
    note.setAttribute("role", "status");
    const show = () => (note.textContent = form.told[preset.value] ?? "");
    field.after(note);
    preset.addEventListener("change", () => {
      show();
      follow(root, preset.value);
    });
    show();
  }

  function enhance(root) {
    root.setAttribute("data-fleetlm", "form");
    const accordion = [...root.querySelectorAll(".MuiAccordion-root")].find((each) =>
      each.querySelector(".MuiAccordionSummary-root")?.textContent.includes(SUMMARY),
    );
    if (!accordion) return;
    if (root.parentElement.textContent.includes(EDIT)) {
      accordion.setAttribute("data-fleetlm-hidden", ""); // a run keeps the options that it began with
      return;
    }
    accordion.setAttribute("data-fleetlm", "options");
    const container = input(accordion, form.preset).closest(".MuiAccordionDetails-root").firstElementChild;
    container.setAttribute("data-fleetlm", "fields");
    group(container);
    showPresetNote(root);
    showProfile(root);
    const marker = Object.assign(document.createElement("input"), { type: "hidden", value: "1" });
    marker.name = form.follows.replace(/_([a-z])/g, (_, letter) => letter.toUpperCase()); // the page sends snake case
    root.append(marker);
    const users = input(root, OF_LOCUST.num_users);
    users.addEventListener("input", (event) => event.isTrusted && keepRampUp(root, input(root, form.preset).value));
    for (const [field, value] of Object.entries(lastSent)) put(root, field, value);
    root.addEventListener("submit", () => {
      for (const field of Object.values(OF_LOCUST)) lastSent[field] = input(root, field)?.value ?? "";
    });
    const summary = accordion.querySelector(".MuiAccordionSummary-root");
    if (summary.getAttribute("aria-expanded") !== "true") summary.click();
  }

  function look() {
    for (const root of document.querySelectorAll('form:not([data-fleetlm])')) if (input(root, "userCount")) enhance(root);
  }

  function showRefusals() {
    for (const alert of document.querySelectorAll('form .MuiAlert-colorError:not([data-fleetlm])')) {
      alert.setAttribute("data-fleetlm", "seen");
      alert.scrollIntoView({ block: "center" }); // Enter in a field far above Start would be refused out of sight
    }
  }

  new MutationObserver(() => {
    look();
    showRefusals();
  }).observe(document.body, { childList: true, subtree: true });
  look();
})();
