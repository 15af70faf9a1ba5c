// Figures as people read them, and the few lines that make elements. Data is only ever text: nothing is parsed as markup.

function digits(value) {
  const size = Math.abs(value);
  return value.toFixed(size >= 99.95 ? 0 : size >= 9.995 ? 1 : 2);
}

function scaled(value, units) {
  let unit = 0;
  while (unit + 1 < units.length && Math.abs(value) >= 999.5) {
    value /= 1000;
    ++unit;
  }
  return digits(value) + units[unit];
}

function isNumber(value) { return typeof value === "number" && isFinite(value); }

const format = {
  count: (value) => !isNumber(value) ? "–" : Number.isInteger(value) && Math.abs(value) < 1000 ? String(value)
    : scaled(value, ["", " k", " M", " G", " T"]),
  exact: (value) => isNumber(value) ? value.toLocaleString("en").replace(/,/g, "\u202f") : "–",
  bandwidth: (value) => isNumber(value) ? scaled(value, [" B/s", " kB/s", " MB/s", " GB/s", " TB/s"]) : "–",
  bytes: (value) => isNumber(value) ? value === 0 ? "0" : scaled(value, [" B", " kB", " MB", " GB", " TB", " PB"]) : "–",
  ns: (value) => isNumber(value) ? scaled(value, [" ns", " µs", " ms", " s"]) : "–",
  block: (value) => {
    let unit = 0;
    while (unit < 3 && value >= 1024) {
      value /= 1024;
      ++unit;
    }
    return String(Math.round(value * 100) / 100) + [" B", " KiB", " MiB", " GiB"][unit];
  },
  percent: (share) => isNumber(share) ? (share * 100).toFixed(Math.abs(share) < 0.0995 ? 1 : 0) + " %" : "–",
  change: (ratio) => isNumber(ratio) ? (ratio >= 0 ? "+" : "−") + Math.abs(ratio * 100).toFixed(1) + " %" : "–",
  plain: (value) => isNumber(value) ? digits(value) : "–",
  seconds: (value) => value + " s",
};

// Axis labels: no needless zeros.
function short(formatter) {
  return (value) => value === 0 ? "0" : formatter(value).replace(/(\.\d*?)0+(?= |$)/, "$1").replace(/\.(?= |$)/, "");
}

function make(space, tag, attributes, children) {
  const element = space ? document.createElementNS(space, tag) : document.createElement(tag);
  for (const [name, value] of Object.entries(attributes || {})) {
    if (value === null || value === undefined || value === false) continue;
    if (name.startsWith("on")) element.addEventListener(name.slice(2), value);
    else if (name === "style") element.style.cssText = value;
    else element.setAttribute(name, value === true ? "" : value);
  }
  for (const child of children.flat(Infinity)) {
    if (child !== null && child !== undefined && child !== false) element.append(child);
  }
  return element;
}

function el(tag, attributes, ...children) { return make(null, tag, attributes, children); }
function svg(tag, attributes, ...children) { return make("http://www.w3.org/2000/svg", tag, attributes, children); }
function unique(values) { return [...new Set(values)]; }
