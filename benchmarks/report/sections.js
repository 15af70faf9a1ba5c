// The sections of the page, from the answer to what it rests on.

function section(id, title, ...children) {
  return el("section", { id, "aria-labelledby": `${id}-title` }, el("h2", { id: `${id}-title` }, title), children);
}

function note(...text) { return el("p", { class: "note" }, text); }

// ---- Summary

function bestOf(verdicts, figure, sign) {
  return [...verdicts].sort((a, b) => sign * (figure(b) - figure(a)))[0];
}

function tile(what, value, way, verdict) {
  const place = [workloads.length > 1 && verdict.workload, verdict.blocks, `depth ${verdict.depth}`].filter(Boolean).join(", ");
  return el("div", { class: "tile" }, el("div", { class: "what" }, what), el("div", { class: "value" }, value),
    el("div", { class: "where" }, el("b", {}, way), ` · ${place}`));
}

function tilesOf(verdicts) {
  const most = bestOf(verdicts, (verdict) => verdict.iops.value, 1);
  const widest = bestOf(verdicts, (verdict) => verdict.bytes_per_second, 1);
  const quickest = bestOf(verdicts, (verdict) => verdict.p99.value, -1);
  return el("div", { class: "tiles" }, tile("Most reads", `${format.count(most.iops.value)}/s`, most.iops.way, most),
    tile("Most bytes", format.bandwidth(widest.bytes_per_second), widest.iops.way, widest),
    tile("Least p99 latency", format.ns(quickest.p99.value), quickest.p99.way, quickest));
}

function marginText(choice, word) {
  if (choice.next === null) return "the only one";
  return choice.level ? `level with ${choice.next}` : `${choice.margin.toFixed(2)}× ${word} ${choice.next}`;
}

// Sizes down, depths across: one look tells where which path is best.
function verdictGrid(title, verdicts, cell) {
  const depths = unique(verdicts.map((verdict) => verdict.depth)).sort((a, b) => a - b);
  const sizes = unique(verdicts.map((verdict) => verdict.blocks));
  const rows = sizes.map((blocks) => el("tr", {}, el("th", { scope: "row" }, blocks), depths.map((depth) => {
    const verdict = verdicts.find((one) => one.blocks === blocks && one.depth === depth);
    return el("td", {}, verdict ? cell(verdict) : "–");
  })));
  return el("div", {}, el("h3", {}, title), el("div", { class: "scroll free", tabindex: 0, role: "region", "aria-label": title },
    el("table", { class: "grid-table" }, el("thead", {}, el("tr", {}, el("th", { scope: "col" }, "Size"),
      depths.map((depth) => el("th", { scope: "col" }, `depth ${depth}`)))), el("tbody", {}, rows))));
}

function verdictTable(verdicts) {
  return tableOf([
    workloads.length > 1 && column.workload,
    { name: "Size", of: (row) => row.blocks }, column.depth,
    { name: "Most reads", of: (row) => row.iops.way, show: (way) => wayText(way) },
    { name: "Reads/s", of: (row) => row.iops.value, show: format.count, number: true },
    { name: "Margin", of: (row) => row.iops.margin, show: (_, row) => marginText(row.iops, "of") },
    { name: "Least p99", of: (row) => row.p99.way, show: (way) => wayText(way) },
    { name: "p99", of: (row) => row.p99.value, show: format.ns, number: true },
    { name: "Margin", of: (row) => row.p99.margin, show: (_, row) => marginText(row.p99, "below") },
    { name: "Limit of the best", of: (row) => row.limit },
    { name: "because", of: (row) => row.reason, text: true },
  ].filter(Boolean), verdicts, { label: "Best path and its limit at each point" });
}

function summarySection() {
  const several = data.results.length > 1;
  return section("summary", several ? "Which path is best, and what limits it" : "Summary", data.results.map((result) => {
    const { headline, sentences, verdicts } = result.summary;
    const here = verdicts.filter((verdict) => verdict.workload === state.workload);
    const parts = [several && el("p", { class: "result-name" }, result.name), el("p", { class: "headline" }, `${headline}.`)];
    if (verdicts.length === 0) return [parts, sentences.map((sentence) => el("p", { class: "warning" }, `${sentence}.`))];
    const [, limits, ...warnings] = sentences;
    parts.push(warnings.map((warning) => el("p", { class: "warning" }, `${warning}. `, el("a", { href: "#proof" }, "See the proof."))), tilesOf(verdicts));
    const grids = el("div", { class: "grids" },
      verdictGrid("Most reads a second, and what limits them", here, (verdict) => [wayText(verdict.iops.way),
        el("div", {}, el("b", {}, `${format.count(verdict.iops.value)}/s `), el("span", { class: "cell-more" }, marginText(verdict.iops, "of"))),
        el("div", { class: "cell-more" }, `limit: ${verdict.limit}`)]),
      verdictGrid("Least p99 latency", here, (verdict) => [wayText(verdict.p99.way),
        el("div", {}, el("b", {}, `${format.ns(verdict.p99.value)} `), el("span", { class: "cell-more" }, marginText(verdict.p99, "below")))]));
    parts.push(grids, note(`${limits}. A limit is a guess by rule; the table has the figures that it rests on.`),
      behind(`The figures behind it: ${verdicts.length} points`, () => verdictTable(verdicts)));
    return parts;
  }));
}

// ---- Comparison

function findingBadge(difference, lessIsBetter) {
  if (difference.finding === "too few runs") return el("span", { class: "badge" }, `not enough runs (${difference.runs.join(" and ")})`);
  if (difference.finding === "level") return el("span", { class: "badge" }, "no difference shown");
  const good = difference.finding === "better";
  return el("span", { class: good ? "badge good" : "badge bad" }, good === !lessIsBetter ? "▲ " : "▼ ", difference.finding);
}

function changeOf(difference) { return difference.before > 0 ? difference.after / difference.before - 1 : null; }

// The change, and how far to the left (less) or right (more) of none it is; `most` is as wide as the bar goes.
function changeCell(difference, most) {
  const change = changeOf(difference);
  if (change === null) return "–";
  const wide = Math.min(Math.abs(change) / most, 1) * 62;
  const color = { better: "var(--good)", worse: "var(--bad)" }[difference.finding] || "var(--faint)";
  return el("div", { class: "bar-cell" }, el("span", {}, format.change(change)), svg("svg", { viewBox: "0 0 128 14", "aria-hidden": "true" },
    svg("rect", { x: change < 0 ? 64 - wide : 64, y: 3, width: Math.max(wide, 1), height: 8, rx: 1.5, style: `fill: ${color}` }),
    svg("line", { class: "axis", x1: 64, x2: 64, y1: 0, y2: 14 })));
}

const COMPARED = [
  { key: "iops", name: "Reads a second", show: format.count },
  { key: "bytes_per_second", name: "Bandwidth", show: format.bandwidth },
  { key: "p99", name: "p99 latency", show: format.ns, lessIsBetter: true },
  { key: "cpu_ns", name: "CPU time a read", show: format.ns, lessIsBetter: true },
];

function comparisonTable(comparison, figure) {
  const of = (row) => row[figure.key];
  const most = Math.max(0.1, ...comparison.points.map((row) => Math.abs(changeOf(of(row)) || 0)));
  return tableOf([
    workloads.length > 1 && column.workload, column.way, column.blocks, column.depth,
    { name: data.results[comparison.before].name, of: (row) => of(row).before, show: figure.show, number: true },
    { name: data.results[comparison.after].name, of: (row) => of(row).after, show: figure.show, number: true },
    { name: "Change", of: (row) => changeOf(of(row)), show: (_, row) => changeCell(of(row), most), number: true },
    { name: "p", of: (row) => of(row).p, show: (p) => p === null ? "–" : p < 0.001 ? "< 0.001" : p.toFixed(3), number: true },
    { name: "Finding", of: (row) => of(row).finding, show: (_, row) => findingBadge(of(row), figure.lessIsBetter) },
  ].filter(Boolean), comparison.points, { label: `${figure.name}, compared` });
}

function findingCounts(comparison, figure) {
  const count = (finding) => comparison.points.filter((point) => point[figure.key].finding === finding).length;
  const parts = [[count("better"), "better"], [count("worse"), "worse"], [count("level"), "with no difference shown"],
    [count("too few runs"), "with too few runs to tell"]];
  return parts.filter(([number]) => number > 0).map(([number, what]) => `${number} ${what}`).join(", ");
}

function comparisonSection() {
  if (data.comparisons.length === 0) return null;
  return section("comparison", "Side by side", data.comparisons.map((comparison) => {
    const before = data.results[comparison.before].name;
    const after = data.results[comparison.after].name;
    const missing = comparison.only_before + comparison.only_after;
    return [
      el("p", { class: "headline" }, `${after} beside ${before}`),
      comparison.points.length === 0 ? el("p", { class: "empty" }, "They have no point in common.") : el("ul", {}, COMPARED.map((figure) =>
        el("li", {}, el("b", {}, `${figure.name}: `), `of ${comparison.points.length} points ${findingCounts(comparison, figure)}.`))),
      missing > 0 && note(`${comparison.only_before} points are only in ${before}, ${comparison.only_after} only in ${after}.`),
      comparison.points.length > 0 && [comparisonTable(comparison, COMPARED[0]), COMPARED.slice(1).map((figure) => behind(figure.name, () => comparisonTable(comparison, figure)))],
    ];
  }), note("Medians of the runs. p is of Welch's t-test over runs, two-sided, adjusted for the number of points (Holm): below 0.05 counts as a difference. ",
    "Runs on one machine in one hour are alike in more than what is compared: measure alternately before believing a small difference."));
}

// ---- Charts

function selected(filter) {
  return data.points.filter((point) => point.count > 0 && point.workload === state.workload && filter(point));
}

function nameOf(row) { return data.results.length > 1 ? `${row.way} · ${data.results[row.result].name}` : row.way; }
function styleFor(row) { return { color: wayColor(row.way), dash: row.result }; }

// One line for each path of each result.
function seriesOf(points, x, y, low, high) {
  const keys = unique(points.map((point) => `${wayColor(point.way)}\n${point.result}`)).sort();
  return keys.map((key) => {
    const mine = points.filter((point) => `${wayColor(point.way)}\n${point.result}` === key).sort((a, b) => x(a) - x(b));
    return { name: nameOf(mine[0]), style: styleFor(mine[0]), points: mine.map((point) => ({ x: x(point), y: y(point), low: low?.(point), high: high?.(point) })) };
  });
}

function depthSection() {
  const points = selected((point) => point.blocks === state.blocks);
  const depth = (point) => point.depth;
  const axis = { xLabel: "iodepth", xFormat: String };
  const iops = seriesOf(points, depth, (point) => point.iops, (point) => point.iops_min, (point) => point.iops_max);
  const panel = (name, key) => lineChart({ ...axis, title: `${name} latency`, log: true, yFormat: format.ns, series: seriesOf(points, depth, (point) => point[key]) });
  return section("depth", "Against depth", note(`${state.workload}, ${state.blocks} a read. Medians; a whisker is from the least to the most of the runs.`), legendOf(iops),
    el("div", { class: "panels wide" }, lineChart({ ...axis, title: "Reads a second", height: 290, yFormat: format.count, series: iops })),
    el("div", { class: "panels", style: "margin-top: 1rem" }, panel("p50", "p50"), panel("p99", "p99"), panel("p99.9", "p99_9")),
    behind("Table", () => tableOf([...namingColumns(), column.iops, latencyColumn("mean", "mean"), latencyColumn("p50", "p50"), latencyColumn("p90", "p90"),
      latencyColumn("p99", "p99"), latencyColumn("p99.9", "p99_9"), latencyColumn("p99.99", "p99_99"), latencyColumn("max", "max"),
      { name: "Runs", of: (row) => row.count, number: true }], points, { label: "Against depth" })));
}

function sizeSection() {
  const points = selected((point) => point.depth === state.depth);
  const size = (point) => point.bytes;
  const axis = { xLabel: "bytes a read", xFormat: format.block };
  const bandwidth = seriesOf(points, size, (point) => point.bytes_per_second);
  return section("size", "Against block size", note(`${state.workload}, depth ${state.depth}. Medians.`), legendOf(bandwidth),
    el("div", { class: "panels two" }, lineChart({ ...axis, title: "Bandwidth", yFormat: format.bandwidth, series: bandwidth }),
      lineChart({ ...axis, title: "CPU time a read", yFormat: format.ns, series: seriesOf(points, size, (point) => point.cpu_ns) })),
    behind("Table", () => tableOf([...namingColumns(), column.bandwidth, column.iops, { name: "CPU a read", of: (row) => row.cpu_ns, show: format.ns, number: true },
      { name: "System calls a read", of: (row) => row.system_calls, show: format.plain, number: true },
      { name: "Processors busy", of: (row) => row.busy, show: format.plain, number: true }], points, { label: "Against block size" })));
}

const STAGES = ["queued", "device", "landed", "claimed", "done", "reaped"];
const STAGE_MEANINGS = ["before it is handed to the kernel", "at the volume", "until it is in a slot of the ring", "until a workgroup takes it up", "in its handler", "until the host sees its end"];

function stagesSection() {
  const points = selected((point) => point.blocks === state.blocks)
    .sort((a, b) => wayColor(a.way) - wayColor(b.way) || a.result - b.result || a.depth - b.depth);
  const several = data.results.length > 1;
  const rows = points.map((point, i) => ({ gap: i > 0 && nameOf(points[i - 1]) !== nameOf(point), name: `${point.way} ${several ? `· ${data.results[point.result].name} ` : ""}· ${point.depth}`, values: point.stages }));
  const chart = (share) => rows.length === 0 ? el("p", { class: "empty" }, "No run that counts was made here.")
    : stackedBars({ title: "Mean time of a read", unit: "by path and depth; its sum at the right", names: STAGES, rows, share, format: format.ns });
  const hole = el("div", {}, chart(true));
  const choice = (share, name) => el("label", {}, el("input", { type: "radio", name: "stages", checked: share, onchange: () => hole.replaceChildren(chart(share)) }), name);
  return section("stages", "Where the time goes", note(`${state.workload}, ${state.blocks} a read.`),
    el("ul", { class: "legend" }, STAGES.map((stage, i) => el("li", {}, el("span", { class: "swatch", style: `--c: var(--s${i})` }), el("b", {}, stage), STAGE_MEANINGS[i]))),
    el("fieldset", { class: "radio" }, el("legend", {}, "Bars show"), choice(true, "shares"), choice(false, "times")), hole,
    behind("Table", () => tableOf([...namingColumns(), ...STAGES.map((stage, i) => ({ name: stage, of: (row) => row.stages[i], show: format.ns, number: true })),
      { name: "CPU a read", of: (row) => row.cpu_ns, show: format.ns, number: true }], points, { label: "Mean time in each stage" })));
}

function timeSection() {
  const points = selected((point) => point.blocks === state.blocks && point.depth === state.depth);
  const seriesFor = (place) => points.flatMap((point) => point.series.map((run, loop) => ({ name: nameOf(point) + (point.series.length > 1 ? `, run ${loop + 1}` : ""),
    style: styleFor(point), again: loop > 0, points: run[0].map((second, i) => ({ x: second, y: run[place][i] })) })));
  const axis = { xLabel: "seconds", xFormat: (value) => format.plain(value).replace(/\.0+$/, ""), time: true };
  const rows = points.flatMap((point) => point.series.flatMap((run, loop) => run[0].map((second, i) => ({ ...point, loop: loop + 1, second, iops: run[1][i], p99: run[2][i] }))));
  return section("time", "Over time", note(`${state.workload}, ${state.blocks} a read, depth ${state.depth}. Later runs of a path are thinner lines.`),
    legendOf(seriesOf(points, () => 0, () => 0)),
    el("div", { class: "panels two" }, lineChart({ ...axis, title: "Reads a second", yFormat: format.count, series: seriesFor(1) }),
      lineChart({ ...axis, title: "p99 latency", yFormat: format.ns, series: seriesFor(2) })),
    behind("Table", () => tableOf([...namingColumns(), { name: "Run", of: (row) => row.loop, number: true }, { name: "Second", of: (row) => row.second, number: true },
      column.iops, latencyColumn("p99", "p99")], rows, { label: "Over time" })));
}

// ---- Proof

function statusBadge(run) {
  return el("span", { class: run.counts ? "badge good" : "badge bad" }, run.counts ? "✓ ok" : `⚠ ${run.proof && !run.proof.agrees ? "disagrees" : run.status === "ok" ? "no read" : run.status}`);
}

function remarksOf(run) {
  return [run.cause && `${run.cause}. Fix: ${run.remedy}.`, run.status === "partial" && "Cut short.",
    ...[...(run.proof?.contradictions || []), ...(run.proof?.remarks || [])].map((text) => /[.!?]$/.test(text) ? text : `${text}.`)].filter(Boolean).join(" ") || "–";
}

function controllerSum(run, key) {
  return run.proof ? run.proof.controllers.reduce((sum, controller) => sum + (controller[key] || 0), 0) : null;
}

function proofTable(runs) {
  const proof = (name, of, show = format.exact) => ({ name, of, show, number: true });
  return tableOf([
    { name: "Verdict", of: (row) => row.status, show: (_, row) => statusBadge(row) }, ...namingColumns(), { name: "Run", of: (row) => row.loop + 1, number: true },
    { name: "Remarks", of: remarksOf, text: true }, proof("Reads, with ramp", (row) => row.proof?.all_reads), proof("Commands given", (row) => row.proof?.commands), proof("Controller counted", (row) => controllerSum(row, "read_commands")),
    proof("Block layer counted", (row) => row.proof?.block_layer_reads), proof("Copied by CPU", (row) => row.proof?.copied, format.bytes),
    proof("Bytes read", (row) => row.bytes_read, format.bytes), proof("Checked", (row) => row.proof?.checked, format.bytes),
    proof("Verified by the kernel", (row) => row.proof?.verified, format.bytes),
  ], runs, { label: "Proof of each run", mark: (run) => run.counts ? null : "left-out" });
}

function proofSection() {
  const left = data.runs.filter((run) => !run.counts);
  return section("proof", "Proof", note("What counters of others say about each run. A run that they contradict, that was cut short, refused or failed is marked, and is in no median, chart or verdict above."),
    left.length === 0 ? el("p", {}, `All ${data.runs.length} runs ended well, and their counters agree.`)
      : [el("h3", {}, `${left.length} of ${data.runs.length} runs ${left.length === 1 ? "does" : "do"} not count`), proofTable(left)],
    behind(`All ${data.runs.length} runs`, () => proofTable(data.runs)));
}

function runsSection() {
  return section("runs", "Every run", note("One row a run, as measured."), behind(`${data.runs.length} runs`, () => tableOf([
    ...namingColumns(), { name: "Run", of: (row) => row.loop + 1, number: true }, { name: "Verdict", of: (row) => row.status, show: (_, row) => statusBadge(row) },
    column.iops, column.bandwidth, latencyColumn("p50", "p50"), latencyColumn("p99", "p99"), latencyColumn("p99.9", "p99_9"), latencyColumn("max", "max"),
    { name: "CPU a read", of: (row) => row.cpu_ns, show: format.ns, number: true }, { name: "System calls a read", of: (row) => row.system_calls, show: format.plain, number: true },
    { name: "Switches", of: (row) => row.switches, show: format.count, number: true },
    { name: "Steady", of: (row) => row.steady, show: (steady) => steady === true ? "yes" : steady === false ? "no" : "–" },
    { name: "Seconds", of: (row) => row.seconds, show: format.plain, number: true },
  ], data.runs, { label: "Every run", mark: (run) => run.counts ? null : "left-out" })));
}
