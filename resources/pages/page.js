"use strict";
(function () {
  const make = (name, parts) => Object.assign(document.createElement(name), parts || {});

  // Figures: plotly draws what the data element of the same name holds.
  for (const box of document.querySelectorAll(".plot")) {
    if (!window.Plotly) break;
    const figure = JSON.parse(document.getElementById(box.id + "-data").textContent);
    const scale = () => {
      // A view box and the ratio of its sides let the drawing shrink to the paper.
      for (const svg of box.querySelectorAll(".main-svg")) {
        const [width, height] = [svg.getAttribute("width"), svg.getAttribute("height")];
        svg.setAttribute("viewBox", `0 0 ${width} ${height}`);
        box.style.setProperty("--sides", `${width} / ${height}`);
      }
    };
    window.Plotly.newPlot(box, figure.data, figure.layout, {
      responsive: true, displaylogo: false, showTips: false,
      toImageButtonOptions: { format: "svg", filename: box.id },
      // Named one by one: plotly's own list has a button that sends the chart away.
      modeBarButtons: [["zoom2d", "pan2d", "resetScale2d", "toImage"]],
      showSendToCloud: false, showEditInChartStudio: false,
    }).then(() => { scale(); box.on("plotly_afterplot", scale); });
  }

  // Paper cannot be clicked: open what belongs on it.
  window.addEventListener("beforeprint", () => {
    for (const part of document.querySelectorAll("details.open-in-print")) part.open = true;
  });

  const value = (row, column) => {
    const cell = row.cells[column];
    const text = (cell.dataset.sort !== undefined ? cell.dataset.sort : cell.textContent).trim();
    const number = Number(text.replace("\u2212", "-"));
    return text !== "" && !Number.isNaN(number) ? number : text.toLowerCase();
  };
  const compare = (a, b) => {
    if (typeof a === "number" && typeof b === "number") return a - b;
    return String(a).localeCompare(String(b), undefined, { numeric: true });
  };

  // Sorting: each head becomes a button; a second click turns the order round.
  for (const table of document.querySelectorAll("table.sortable")) {
    const heads = Array.from(table.tHead.rows[0].cells);
    heads.forEach((head, column) => {
      const button = make("button", { type: "button", className: "sort" });
      button.append(...head.childNodes);
      head.append(button);
      button.addEventListener("click", () => {
        const down = head.getAttribute("aria-sort") === "ascending";
        heads.forEach((other) => other.removeAttribute("aria-sort"));
        head.setAttribute("aria-sort", down ? "descending" : "ascending");
        const body = table.tBodies[0];
        const rows = Array.from(body.rows).sort(
          (a, b) => (down ? -1 : 1) * compare(value(a, column), value(b, column)));
        body.append(...rows);
      });
    });
  }

  // Filter and comparison share one bar above the table.
  const number = new Intl.NumberFormat("en");
  for (const table of document.querySelectorAll("table.filterable")) {
    const rows = Array.from(table.tBodies[0].rows);
    if (rows.length < 2) continue;
    const bar = make("div", { className: "tools" });
    const label = make("label", { textContent: "Filter " });
    const input = make("input", { type: "search", autocomplete: "off" });
    const count = make("span");
    count.setAttribute("role", "status");
    label.append(input);
    bar.append(label);
    let chosenOnly = false;
    const update = () => {
      const words = input.value.toLowerCase().split(/\s+/).filter(Boolean);
      let shown = 0;
      for (const row of rows) {
        const text = row.textContent.toLowerCase();
        const box = row.querySelector("input.choose");
        row.hidden = !words.every((word) => text.includes(word)) || (chosenOnly && !(box && box.checked));
        shown += row.hidden ? 0 : 1;
      }
      count.textContent = shown === rows.length ? "" : `${number.format(shown)} of ${number.format(rows.length)} rows`;
    };
    input.addEventListener("input", update);
    if (table.classList.contains("comparable")) {
      for (const row of rows) {
        const name = row.cells[0].textContent.trim();
        const box = make("input", { type: "checkbox", className: "choose" });
        box.setAttribute("aria-label", "choose " + name);
        row.cells[0].prepend(box, " ");
        box.addEventListener("change", update);
      }
      const only = make("button", { type: "button", textContent: "Show only the chosen lines" });
      only.setAttribute("aria-pressed", "false");
      only.addEventListener("click", () => {
        chosenOnly = !chosenOnly;
        only.setAttribute("aria-pressed", String(chosenOnly));
        only.textContent = chosenOnly ? "Show all lines" : "Show only the chosen lines";
        update();
      });
      const columns = make("button", { type: "button", textContent: "Hide what is found nowhere" });
      columns.setAttribute("aria-pressed", "false");
      columns.addEventListener("click", () => {
        const hide = columns.getAttribute("aria-pressed") === "false";
        columns.setAttribute("aria-pressed", String(hide));
        columns.textContent = hide ? "Show every hotspot" : "Hide what is found nowhere";
        Array.from(table.tHead.rows[0].cells).forEach((head, i) => {
          if (!head.classList.contains("nowhere")) return;
          head.hidden = hide;
          for (const row of rows) row.cells[i].hidden = hide;
        });
      });
      bar.append(only, columns);
    }
    bar.append(count);
    (table.closest(".scroll") || table).before(bar);
  }
})();
