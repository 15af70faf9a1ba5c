// Tables that can be sorted by their heads, and the table behind each chart.

// columns: [{name, of: row => value, show: (value, row) => text or element, number: bool, text: bool}]
function tableOf(columns, rows, options = {}) {
  const body = el("tbody");
  const fill = (list) => body.replaceChildren(...list.map((row) => el("tr", { class: options.mark?.(row) },
    columns.map((column) => el("td", { class: column.number ? "n" : column.text ? "text" : "tight" },
      column.show ? column.show(column.of(row), row) : column.of(row) ?? "–")))));
  const heads = columns.map((column) => {
    const head = el("th", { scope: "col", class: column.number ? "n" : "tight" });
    head.append(el("button", { type: "button", onclick: () => sort(column, head) }, column.name));
    return head;
  });
  const sort = (column, head) => {
    const down = head.getAttribute("aria-sort") === "ascending";
    heads.forEach((other) => other.removeAttribute("aria-sort"));
    head.setAttribute("aria-sort", down ? "descending" : "ascending");
    const key = (row) => column.of(row) ?? (column.number ? -Infinity : "");
    fill([...rows].sort((a, b) => (key(a) > key(b) ? 1 : key(a) < key(b) ? -1 : 0) * (down ? -1 : 1)));
  };
  fill(rows);
  return el("div", { class: "scroll", tabindex: 0, role: "region", "aria-label": options.label || "Table" },
    el("table", {}, el("thead", {}, el("tr", {}, heads)), body));
}

// The table is made when it is first opened: hundreds of rows that nobody looks at cost nothing.
function behind(title, makeTable) {
  const details = el("details", {}, el("summary", {}, title));
  details.addEventListener("toggle", () => {
    if (details.open && details.children.length === 1) details.append(makeTable());
  });
  return details;
}

function waySwatch(way) { return el("span", { class: "swatch", style: styleOf({ color: wayColor(way) }), "aria-hidden": "true" }); }
function wayText(way) { return el("span", { class: "cell-way" }, waySwatch(way), way); }

const column = {
  result: { name: "Result", of: (row) => data.results[row.result].name },
  workload: { name: "Workload", of: (row) => row.workload },
  way: { name: "Path", of: (row) => row.way, show: (way) => wayText(way) },
  blocks: { name: "Size", of: (row) => row.bytes, show: (_, row) => row.blocks, number: true },
  depth: { name: "Depth", of: (row) => row.depth, number: true },
  iops: { name: "Reads/s", of: (row) => row.iops, show: format.count, number: true },
  bandwidth: { name: "Bytes/s", of: (row) => row.bytes_per_second, show: format.bandwidth, number: true },
};

// What tells rows apart: the result and the workload only where there are several.
function namingColumns() {
  return [data.results.length > 1 && column.result, workloads.length > 1 && column.workload, column.way, column.blocks, column.depth]
    .filter(Boolean);
}

function latencyColumn(name, key) { return { name, of: (row) => row[key], show: format.ns, number: true }; }
