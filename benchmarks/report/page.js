// What the page shows at the moment, its environment tables, and how it begins.

const data = JSON.parse(document.getElementById("data").textContent);
const workloads = unique(data.points.map((point) => point.workload));
const PATHS = ["bar", "nvme", "read", "pread"];
const pathPlace = (path) => PATHS.includes(path) ? PATHS.indexOf(path) : PATHS.length;
// Where every way is a path, each path has the same colour in every report.
const ways = unique([...data.points].sort((a, b) => pathPlace(a.path) - pathPlace(b.path)).map((point) => point.way));
const wayPlaces = new Map(ways.map((way, i) => [way, ways.every((one) => PATHS.includes(one)) ? pathPlace(way) : i]));
function wayColor(way) { return wayPlaces.get(way) ?? 0; }

const state = { workload: workloads[0], blocks: "", depth: 0 };

function choices() {
  const here = data.points.filter((point) => point.workload === state.workload);
  return {
    blocks: unique([...here].sort((a, b) => a.bytes - b.bytes).map((point) => point.blocks)),
    depths: unique(here.map((point) => point.depth)).sort((a, b) => a - b),
  };
}

function keepStatePossible() {
  const { blocks, depths } = choices();
  if (!blocks.includes(state.blocks)) state.blocks = blocks[0];
  // A depth in the middle: neither the latency of one read, nor a queue that only waits.
  if (!depths.includes(state.depth)) state.depth = depths[Math.floor(depths.length / 2)];
}

function select(name, values, show, current, change) {
  return el("label", {}, name, el("select", { onchange: (event) => change(values[event.target.selectedIndex]) },
    values.map((value) => el("option", { selected: value === current }, show(value)))));
}

function filters() {
  const { blocks, depths } = choices();
  const set = (key) => (value) => {
    state[key] = value;
    keepStatePossible();
    refresh();
  };
  return el("div", { class: "filters" },
    workloads.length > 1 && select("Workload", workloads, String, state.workload, set("workload")),
    blocks.length > 1 && select("Block size", blocks, String, state.blocks, set("blocks")),
    depths.length > 1 && select("Depth", depths, String, state.depth, set("depth")));
}

// ---- Environment

function flattened(value, name = "", out = new Map()) {
  if (value !== null && typeof value === "object") {
    if (Object.keys(value).length === 0) out.set(name, Array.isArray(value) ? "none" : "–");
    for (const [key, inner] of Object.entries(value)) flattened(inner, name ? `${name}.${key}` : key, out);
  } else {
    out.set(name, value === null ? "–" : String(value));
  }
  return out;
}

function list(value) { return Array.isArray(value) ? value : []; }

function volumeLines(environment) {
  return list(environment.volume).map((volume) => {
    const controller = volume.nvme?.controller;
    const disk = controller && `${controller.model}, firmware ${controller.firmware}, ${controller.pci_address}, node ${controller.numa_node ?? "unknown"}, at most ${format.block(controller.max_transfer_bytes)} a command`;
    return [volume.name, isNumber(volume.size_bytes) && format.bytes(volume.size_bytes), isNumber(volume.block_bytes) && `blocks of ${volume.block_bytes}`, disk].filter(Boolean).join(", ");
  }).join("\n") || "–";
}

function pathLines(environment) {
  return list(environment.volume).flatMap((volume) => list(volume.path).map((path) =>
    `${path.path}${path.buffer ? ` (${path.buffer})` : ""}: ${path.works ? "works" : `refused: ${path.cause}. Fix: ${path.remedy}.`}`)).join("\n") || "–";
}

const FACTS = [
  ["Measured", (result) => result.started],
  ["Penstock", (result) => `${result.version}, revision ${result.revision}`],
  ["Processor", ({ environment: { cpu } }) => cpu ? `${cpu.model}\n${cpu.processors} processors, NUMA nodes ${cpu.numa_nodes ?? "unknown"}, governor ${cpu.governor ?? "unknown"}` : "–"],
  ["Kernel", ({ environment }) => environment.kernel ?? "–"],
  ["io_uring", ({ environment: { io_uring: facts } }) => facts ? facts.works ? `works, passthrough ${facts.passthrough ? "yes" : "no"}` : `refused: ${facts.error?.cause ?? "unknown"}` : "–"],
  ["IOMMU", ({ environment: { iommu } }) => iommu ? iommu.units > 0 ? `${iommu.units} units, ${iommu.group_count} groups` : "none" : "–"],
  ["Huge pages", ({ environment: { huge_pages: pages } }) => pages ? `${pages.reserved} reserved, ${pages.free} free, transparent ${pages.transparent}` : "–"],
  ["Locked memory", ({ environment }) => isNumber(environment.locked_limit_bytes) ? `at most ${format.block(environment.locked_limit_bytes)}` : "no limit"],
  ["GPU", ({ environment }) => list(environment.gpu).map((gpu) => `${gpu.vendor}:${gpu.device} at ${gpu.pci_address}, driver ${gpu.driver}`).join("\n") || "none"],
  ["Volumes", ({ environment }) => volumeLines(environment)],
  ["Paths", ({ environment }) => pathLines(environment)],
  ["Settings of all runs", (result) => result.shared.map(([name, value]) => `${name} ${value}`).join(", ") || "–"],
  ["Cost of measuring", (result) => `${format.ns(result.overhead_ns)} a read, ${format.ns(result.clock_ns)} to look at the clock`],
  ["Command", (result) => el("code", {}, result.command.join(" "))],
];

function factsTable(rows) {
  const several = data.results.length > 1;
  return el("div", { class: "scroll free", tabindex: 0, role: "region", "aria-label": "Environment" }, el("table", { class: "facts" },
    several && el("thead", {}, el("tr", {}, el("th"), data.results.map((result) => el("th", { scope: "col" }, result.name)))),
    el("tbody", {}, rows.map(([name, values]) => el("tr", { class: several && unique(values.map((value) => value.textContent ?? value)).length > 1 ? "differs" : null },
      el("th", { scope: "row" }, name), values.map((value) => el("td", {}, value)))))));
}

function environmentSection() {
  const everything = () => {
    const flat = data.results.map((result) => flattened(result.environment));
    return factsTable(unique(flat.flatMap((map) => [...map.keys()])).map((name) => [name, flat.map((map) => map.get(name) ?? "–")]));
  };
  return section("environment", "Environment", data.results.length > 1 && note("Marked rows differ."),
    factsTable(FACTS.map(([name, show]) => [name, data.results.map(show)])), behind("Everything that is known of the host", everything));
}

// ---- The page

function header() {
  const first = data.results[0];
  const cpu = first.environment.cpu;
  const measured = data.results.map((result) => result.started.slice(0, 10));
  const facts = [cpu?.model, first.environment.kernel && `Linux ${first.environment.kernel}`, unique(measured).join(" and "), `${data.runs.length} runs`];
  return [el("p", { class: "eyebrow" }, "penstock bench"), el("h1", {}, data.results.map((result) => result.name).join(" and ")),
    el("p", { class: "lead" }, facts.filter(Boolean).join(" · ")),
    data.results.some((result) => result.partial) && el("p", { class: "warning", style: "margin-top: .75rem" }, "Interrupted: not every point was measured.")];
}

const SECTIONS = [
  ["summary", "Summary", summarySection], ["comparison", "Side by side", comparisonSection], ["depth", "Depth", depthSection], ["size", "Size", sizeSection],
  ["stages", "Stages", stagesSection], ["time", "Time", timeSection], ["proof", "Proof", proofSection], ["runs", "Runs", runsSection], ["environment", "Environment", environmentSection],
];
const FILTERED = ["summary", "depth", "size", "stages", "time"];

// Only what the choice of workload, size and depth changes; the reader keeps the place and what was opened.
function refresh() {
  for (const [id, , build] of SECTIONS) {
    const old = document.getElementById(id);
    if (!old || !FILTERED.includes(id)) continue;
    const opened = [...old.querySelectorAll("details")].map((details) => details.open);
    const fresh = build();
    fresh.querySelectorAll("details").forEach((details, i) => { details.open = opened[i] || false; });
    old.replaceWith(fresh);
  }
}

function start() {
  document.getElementById("top").append(...header().filter(Boolean));
  const bar = el("div", { class: "inner" });
  document.getElementById("contents").append(bar);
  const links = el("div", { class: "links" });
  bar.append(links);
  if (data.points.length > 0) {
    keepStatePossible();
    const main = document.getElementById("main");
    for (const [id, name, build] of SECTIONS) {
      const made = build();
      if (!made) continue;
      main.append(made);
      links.append(el("a", { href: `#${id}` }, name));
    }
    bar.append(filters());
  } else {
    document.getElementById("main").append(summarySection(), environmentSection());
  }
  document.getElementById("foot").append(`Written by penstock report. Everything is in this file; nothing is fetched.`);
}

start();
