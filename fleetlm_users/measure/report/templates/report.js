// Values under the pointer, at the same second in every chart. The page is complete without it.

const charts = [];

function overlay(area, name) {
  const element = document.createElement("div");
  element.className = name;
  area.append(element);
  return element;
}

function clock(second) {
  return `${Math.floor(second / 60)}:${String(second % 60).padStart(2, "0")}`;
}

// `share` is the pointer's place along the time axis, from 0 to below 1; `chosen` null hides everything
function show(chosen, share) {
  for (const chart of charts) {
    chart.cross.style.display = chosen ? "block" : "none";
    chart.cross.style.left = `${share * 100}%`;
    chart.tip.style.display = chart === chosen ? "block" : "none";
  }
  if (chosen) fillTip(chosen, share);
}

function fillTip({ tip, data }, share) {
  const at = Math.floor(share * data.lines[0][1].length);
  const values = data.lines.flatMap(([name, values]) => [document.createElement("br"), `${name} ${values[at] ?? "\u2013"}`]);
  tip.replaceChildren(data.labels?.[at] ?? clock(at * data.step), ...values);
  tip.style.left = share < 0.6 ? `calc(${share * 100}% + 10px)` : "auto";
  tip.style.right = share < 0.6 ? "auto" : `calc(${(1 - share) * 100}% + 10px)`;
}

for (const figure of document.querySelectorAll("figure.chart")) {
  const source = figure.querySelector("script");
  if (!source) continue; // a distribution has no time axis
  const area = figure.querySelector(".area");
  const chart = { data: JSON.parse(source.textContent), cross: overlay(area, "cross"), tip: overlay(area, "tip") };
  charts.push(chart);
  area.addEventListener("pointermove", (event) => {
    const box = area.getBoundingClientRect();
    show(chart, Math.min(Math.max((event.clientX - box.left) / box.width, 0), 0.9999));
  });
  area.addEventListener("pointerleave", () => show(null, 0));
}
