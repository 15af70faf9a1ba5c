// Charts in SVG. Each is drawn at the width that it has, and again when that changes; each can be stepped through by keyboard.

const MARKS = [
  (x, y, r) => svg("circle", { cx: x, cy: y, r }),
  (x, y, r) => svg("rect", { x: x - r * 0.9, y: y - r * 0.9, width: r * 1.8, height: r * 1.8 }),
  (x, y, r) => svg("path", { d: `M${x} ${y - r * 1.2}L${x + r * 1.15} ${y + r * 0.85}H${x - r * 1.15}Z` }),
  (x, y, r) => svg("path", { d: `M${x} ${y - r * 1.25}L${x + r * 1.25} ${y}L${x} ${y + r * 1.25}L${x - r * 1.25} ${y}Z` }),
];
const DASHES = ["", "6 4", "2 4", "10 4 2 4"];

// style: {color: 0..7, dash: index of the result}
function styleOf(style) { return `--c: var(--w${style.color % 8})`; }

function markOf(style, x, y, r = 4.2) {
  const mark = MARKS[style.color % MARKS.length](x, y, r);
  mark.setAttribute("class", style.dash ? "mark hollow" : "mark");
  mark.setAttribute("style", styleOf(style));
  return mark;
}

function niceStep(span, count) {
  const rough = span / Math.max(1, count);
  const power = Math.pow(10, Math.floor(Math.log10(rough)));
  return [1, 2, 2.5, 5, 10].map((times) => times * power).find((step) => step >= rough * 0.999);
}

function linearScale(low, high, from, to) {
  const span = high - low || 1;
  const scale = (value) => from + (value - low) / span * (to - from);
  scale.ticks = (count) => {
    const step = niceStep(span, count);
    const ticks = [];
    for (let i = Math.ceil(low / step - 1e-9); i * step <= high + step * 1e-9; ++i) ticks.push(i * step);
    return ticks;
  };
  return scale;
}

function logScale(low, high, from, to) {
  const span = Math.log(high / low) || 1;
  const scale = (value) => from + Math.log(Math.max(value, low) / low) / span * (to - from);
  scale.ticks = (count) => {
    const all = [];
    for (let power = Math.floor(Math.log10(low)); power <= Math.log10(high) + 1; ++power) {
      for (const times of [1, 2, 5]) all.push(times * Math.pow(10, power));
    }
    const inside = all.filter((tick) => tick >= low * 0.999 && tick <= high * 1.001);
    const tens = inside.filter((tick) => Math.abs(Math.log10(tick) % 1) < 1e-6);
    return inside.length <= count + 2 || tens.length < 3 ? inside : tens;
  };
  return scale;
}

// A chart is drawn as soon as its width is known, and again when that changes.
const widths = new ResizeObserver((entries) => {
  for (const entry of entries) entry.target.redraw(entry.contentRect.width);
});

function figureOf(options, draw) {
  const hole = el("div");
  const figure = el("figure", {}, el("figcaption", {}, options.title, options.unit && el("span", { class: "unit" }, " " + options.unit)), hole);
  let last = 0;
  figure.redraw = (width) => {
    if (width < 40 || Math.abs(width - last) < 1) return;
    last = width;
    hole.replaceChildren(draw(Math.round(width), figure));
  };
  widths.observe(figure);
  return figure;
}

function axes(frame, xTicks, yTicks, options) {
  const { left, right, top, bottom, x, y } = frame;
  return [
    yTicks.map((tick) => [
      svg("line", { class: "grid", x1: left, x2: right, y1: y(tick), y2: y(tick) }),
      svg("text", { x: left - 7, y: y(tick) + 4, "text-anchor": "end" }, short(options.yFormat)(tick)),
    ]),
    svg("line", { class: "axis", x1: left, x2: right, y1: bottom, y2: bottom }),
    xTicks.map((tick) => [
      svg("line", { class: "axis", x1: x(tick), x2: x(tick), y1: bottom, y2: bottom + 4 }),
      svg("text", { x: x(tick), y: bottom + 17, "text-anchor": "middle" }, options.xFormat(tick)),
    ]),
    svg("text", { x: (left + right) / 2, y: bottom + 34, "text-anchor": "middle" }, options.xLabel),
  ];
}

// No two labels of the axis touch: of too many every n-th stays.
function sparse(ticks, room, formatter) {
  const widest = Math.max(...ticks.map((tick) => formatter(tick).length)) * 7 + 10;
  const every = Math.ceil(ticks.length * widest / Math.max(room, 1));
  return ticks.filter((_, index) => index % every === 0);
}

function frameOf(width, options) {
  const points = options.series.flatMap((series) => series.points);
  const drawn = points.filter((point) => point.y !== null);
  const highs = drawn.map((point) => Math.max(point.y, point.high || 0));
  const lows = drawn.map((point) => Math.min(point.y, point.low || Infinity)).filter((value) => value > 0);
  const xs = unique(points.map((point) => point.x)).sort((a, b) => a - b);
  const frame = { left: 58, right: width - 12, top: 12, bottom: (options.height || 240) - 42, xs };
  if (options.log) {
    frame.y = logScale(Math.min(...lows) / 1.25, Math.max(...highs) * 1.15, frame.bottom, frame.top);
  } else {
    frame.y = linearScale(0, Math.max(...highs, 1e-9) * 1.06, frame.bottom, frame.top);
  }
  const inset = options.time ? 0 : 12;
  const scale = options.time ? linearScale : logScale;
  frame.x = xs.length > 1 ? scale(xs[0], xs[xs.length - 1], frame.left + inset, frame.right - inset)
    : () => (frame.left + frame.right) / 2;
  return frame;
}

// A point whose y is null is a gap in its line: nothing was there to be measured. What is alone between two gaps is a dot.
function pathOf(points, x, y) {
  return points.map((point, i) => {
    if (point.y === null) return "";
    const place = `${x(point.x).toFixed(1)} ${y(point.y).toFixed(1)}`;
    return i > 0 && points[i - 1].y !== null ? `L${place}` : `M${place}h0`;
  }).join("");
}

// options: {title, unit, xLabel, xFormat, yFormat, log, time, height, series: [{name, style, again, points: [{x, y, low, high}]}]}
function lineChart(options) {
  const filled = { ...options, series: options.series.filter((series) => series.points.length > 0) };
  if (filled.series.length === 0) {
    return el("figure", {}, el("figcaption", {}, options.title), el("p", { class: "empty" }, "No run that counts was made here."));
  }
  return figureOf(filled, (width, figure) => {
    const frame = frameOf(width, filled);
    const { x, y } = frame;
    const xTicks = filled.time && frame.xs.length > 1 ? linearScale(frame.xs[0], frame.xs[frame.xs.length - 1], 0, 1).ticks(width / 90) : frame.xs;
    const chart = svg("svg", {
      class: "chart", viewBox: `0 0 ${width} ${filled.height || 240}`, role: "img", tabindex: 0,
      "aria-label": `${filled.title}. ${filled.series.map((series) => series.name).join(", ")}. Left and right arrows step through the values; the table below has all.`,
    }, axes(frame, sparse(xTicks, frame.right - frame.left, filled.xFormat), y.ticks(5), filled));
    for (const series of filled.series) {
      chart.append(svg("path", { class: series.again ? "line again" : "line", style: styleOf(series.style), "stroke-dasharray": DASHES[series.style.dash % 4], d: pathOf(series.points, x, y) }));
    }
    if (!filled.time) {
      for (const series of filled.series) chart.append(...marksOf(series, x, y));
    }
    stepThrough(chart, figure, frame, filled);
    return chart;
  });
}

function marksOf(series, x, y) {
  return series.points.flatMap((point) => {
    const marks = [markOf(series.style, x(point.x), y(point.y))];
    if (point.low && point.high && Math.abs(y(point.low) - y(point.high)) > 9) {
      marks.unshift(svg("line", { class: "whisker", style: styleOf(series.style), x1: x(point.x), x2: x(point.x), y1: y(point.low), y2: y(point.high) }));
    }
    return marks;
  });
}

// The values at one place of the x axis, beside the pointer or the place that the arrow keys are at.
function stepThrough(chart, figure, frame, options) {
  const cross = svg("line", { class: "cross", y1: frame.top, y2: frame.bottom, visibility: "hidden" });
  chart.append(cross);
  let at = -1;
  const hide = () => {
    cross.setAttribute("visibility", "hidden");
    figure.querySelector(".tip")?.remove();
  };
  const show = (index) => {
    hide();
    at = Math.max(0, Math.min(index, frame.xs.length - 1));
    const value = frame.xs[at];
    const place = frame.x(value);
    cross.setAttribute("x1", place);
    cross.setAttribute("x2", place);
    cross.setAttribute("visibility", "visible");
    const rows = options.series.map((series) => ({ series, point: series.points.find((point) => point.x === value) })).filter((row) => row.point)
      .sort((a, b) => b.point.y - a.point.y).slice(0, 12);
    const tip = el("div", { class: "tip", role: "status" }, el("b", {}, `${options.xLabel} ${options.xFormat(value)}`), rows.map((row) => el("div", {},
      el("span", {}, el("span", { class: "swatch", style: styleOf(row.series.style) }), row.series.name), el("span", {}, options.yFormat(row.point.y)))));
    figure.append(tip);
    const room = figure.clientWidth;
    const share = place / chart.viewBox.baseVal.width * room;
    tip.style.left = `${Math.max(0, Math.min(share + 14 + tip.offsetWidth > room ? share - 14 - tip.offsetWidth : share + 14, room - tip.offsetWidth))}px`;
    tip.style.top = "1.8rem";
  };
  chart.addEventListener("pointermove", (event) => {
    const place = (event.clientX - chart.getBoundingClientRect().left) / chart.getBoundingClientRect().width * chart.viewBox.baseVal.width;
    let nearest = 0;
    frame.xs.forEach((value, i) => {
      if (Math.abs(frame.x(value) - place) < Math.abs(frame.x(frame.xs[nearest]) - place)) nearest = i;
    });
    show(nearest);
  });
  chart.addEventListener("pointerleave", hide);
  chart.addEventListener("blur", hide);
  chart.addEventListener("keydown", (event) => {
    const steps = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: frame.xs.length - 1 };
    if (event.key === "Escape") hide();
    if (!(event.key in steps)) return;
    event.preventDefault();
    show(steps[event.key]);
  });
}

// options: {title, names: [stage], rows: [{name, gap: whether a space is above, values: [number]}], share: bool, format}
function stackedBars(options) {
  return figureOf(options, (width) => {
    const line = 25;
    const left = Math.min(170, Math.max(96, width * 0.24));
    const right = width - 66;
    const gaps = options.rows.map((_, index) => options.rows.slice(0, index + 1).filter((row) => row.gap).length * 9);
    const sums = options.rows.map((row) => row.values.reduce((sum, value) => sum + value, 0));
    const most = Math.max(...sums, 1e-9);
    const chart = svg("svg", {
      class: "chart", viewBox: `0 0 ${width} ${options.rows.length * line + gaps[gaps.length - 1] + 8}`, role: "img",
      "aria-label": `${options.title}: ${options.names.join(", ")}. The table below has all values.`,
    });
    options.rows.forEach((row, index) => {
      const top = index * line + gaps[index] + 4;
      let from = left;
      chart.append(svg("text", { class: "name", x: left - 10, y: top + 14, "text-anchor": "end" }, row.name));
      row.values.forEach((value, stage) => {
        const wide = (right - left) * value / (options.share ? sums[index] || 1 : most);
        if (wide < 0.3) return;
        chart.append(svg("rect", { x: from, y: top, width: Math.max(wide - 1, 0.5), height: line - 7, rx: 2, style: `fill: var(--s${stage})` },
          svg("title", {}, `${row.name}, ${options.names[stage]}: ${options.format(value)}, ${format.percent(value / sums[index])}`)));
        if (wide > 42) {
          chart.append(svg("text", { class: `inside on-s${stage}`, x: from + wide / 2, y: top + 13, "text-anchor": "middle" },
            options.share ? format.percent(value / sums[index]) : options.format(value)));
        }
        from += wide;
      });
      chart.append(svg("text", { x: (options.share ? right : from) + 6, y: top + 14 }, options.format(sums[index])));
    });
    return chart;
  });
}

function legendOf(series) {
  return el("ul", { class: "legend" }, series.map(({ name, style }) => el("li", {}, svg("svg", { viewBox: "0 0 30 14", "aria-hidden": "true" },
    svg("path", { class: "line", style: styleOf(style), "stroke-dasharray": DASHES[style.dash % 4], d: "M1 7H29" }), markOf(style, 15, 7)), name)));
}
