"use strict";
(() => {
  const root = document.documentElement;
  const dark = matchMedia("(prefers-color-scheme: dark)");
  const figures = [...document.querySelectorAll("[data-chart]")];
  // Width of the text on A4 with the margins of the style sheet, in CSS pixels.
  const PRINT_WIDTH = 660;
  let printing = false;

  const colour = (name) => getComputedStyle(root).getPropertyValue(name).trim();

  // plotly does not follow the page: each drawing takes the page's colours.
  function dress(layout) {
    const ink = colour("--ink");
    const rule = colour("--rule");
    layout.font = { ...layout.font, color: ink };
    layout.xaxis = { ...layout.xaxis, gridcolor: rule, zerolinecolor: colour("--muted") };
    layout.yaxis = { ...layout.yaxis, gridcolor: rule };
    layout.hoverlabel = { bgcolor: colour("--surface"), bordercolor: rule, font: { color: ink } };
    return layout;
  }

  function draw(place) {
    const chart = JSON.parse(document.getElementById(place.dataset.chart).textContent);
    const layout = dress(chart.layout);
    layout.width = printing ? PRINT_WIDTH : place.clientWidth;
    Plotly.react(place, chart.data, layout, { displayModeBar: false, responsive: false });
    // A library without a trace type draws something else, without an error.
    const asked = chart.data.map((trace) => trace.type).join();
    const drawn = place._fullData.map((trace) => trace.type).join();
    if (asked !== drawn) throw new Error(`drew ${drawn} instead of ${asked}`);
  }

  function fail(place, reason) {
    const note = document.createElement("p");
    note.className = "note";
    note.textContent = `The chart could not be drawn (${reason}); its numbers stand in the table.`;
    place.replaceChildren(note);
    place.closest("figure").querySelector("details").open = true;
  }

  function drawAll() {
    for (const place of figures) {
      if (typeof Plotly === "undefined") {
        fail(place, "the plotting library did not load");
        continue;
      }
      try {
        draw(place);
      } catch (error) {
        fail(place, error.message);
      }
    }
  }

  // On paper nothing can be opened, and the paper is white.
  let opened = [];
  function beforePrint() {
    if (printing) return;
    printing = true;
    root.dataset.scheme = "light";
    opened = [...document.querySelectorAll("details:not([open]):not([data-screen-only])")];
    for (const details of opened) details.open = true;
    drawAll();
  }
  function afterPrint() {
    if (!printing) return;
    printing = false;
    delete root.dataset.scheme;
    for (const details of opened) details.open = false;
    drawAll();
  }

  const main = document.querySelector("main");
  let width = main.clientWidth;
  let timer = 0;
  function resized() {
    if (printing || main.clientWidth === width) return;
    width = main.clientWidth;
    clearTimeout(timer);
    timer = setTimeout(drawAll, 60);
  }

  for (const pre of document.querySelectorAll("[data-document]")) {
    pre.closest("details").addEventListener("toggle", () => {
      if (!pre.textContent) pre.textContent = document.getElementById(pre.dataset.document).textContent;
    });
  }

  drawAll();
  dark.addEventListener("change", drawAll);
  addEventListener("beforeprint", beforePrint);
  addEventListener("afterprint", afterPrint);
  new ResizeObserver(resized).observe(main);
})();
