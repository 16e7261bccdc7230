/** The track of class probabilities under the signal. */

import { ALARM, CLASSES, VERDICTS } from "./colour.js";
import { envelope } from "./detail.js";
import { className } from "./meaning.js";
import { strips } from "./panels.js";

const MOST = 6; // classes drawn at once

/** Class probabilities, a step for each window, as long as the hop, at the middle of the window. */
export class Track {
  constructor(app, panel, names) {
    Object.assign(this, { app, panel });
    this.drawn = classesDrawn(app.info, app.windows);
    names.replaceChildren(...this.drawn.slice().reverse().map(({ name, colour }) => {
      const label = Object.assign(document.createElement("span"), { textContent: name, title: `P(${name})` });
      label.style.color = colour;
      return label;
    }));
    this.note = document.createElement("small");
    names.prepend(Object.assign(document.createElement("small"), { textContent: "probability" }));
    names.append(this.note);
  }

  draw(view, ticks, pixels) {
    this.panel.show(view.from, view.to, ticks);
    const { app } = this;
    const { steps } = app.windows;
    const { start } = app.windows;
    const margin = app.info.window_samples + app.info.hop_samples;
    const first = search(steps, start, view.from - margin);
    const last = search(steps, start, view.to + margin);
    const crowd = (last - first) / pixels;
    const group = crowd > 1 ? 2 ** Math.max(1, Math.floor(Math.log2(crowd))) : 1;
    const rows = () => (group > 1 ? this.envelopes(first - (first % group), last, group) : this.stairs(first, last));
    if (this.drawn.length) this.panel.fill("line", rows(), `${first}/${last}/${group}`);
    this.note.textContent = group > 1 ? "high to low" : this.app.windows.steps.length < this.app.windows.count ? "highest lead" : "";
    const target = app.target();
    const span = target ? [{ from: target.start, to: target.stop, colour: "#2456c7", alpha: target.kind === "selection" ? 0.16 : 0.035 }] : [];
    this.panel.fill("current", strips(span), target ? `${target.start}-${target.stop}-${target.kind}` : "");
    // Of those on one span, as of twelve leads, the last: together they would cover the line.
    const spans = new Map(app.verdicts.list.map((v) => [`${v.start}-${v.stop}`, v]));
    this.panel.fill("spans", strips([...spans.values()].map((v) => (
      { from: v.start, to: v.stop, colour: VERDICTS[v.verdict].colour, alpha: 0.06 }))), app.verdicts.version);
  }

  /** A staircase for each class. */
  stairs(first, last) {
    const { windows, info } = this.app;
    const half = info.hop_samples / 2;
    const middle = info.window_samples / 2;
    return this.rows(this.drawn.map(({ index }) => {
      const [xs, ys] = [[], []];
      for (let k = first; k < last; k++) {
        const row = windows.steps[k];
        const centre = windows.start[row] + middle;
        const p = windows.probability[row * windows.classes + index];
        // The first and last step reach to the edge of their window, so that nothing scored looks unscored.
        xs.push(k === 0 ? windows.start[row] : centre - half, k === windows.steps.length - 1 ? windows.stop(row) : centre + half);
        ys.push(p, p);
      }
      return { xs, ys };
    }));
  }

  /** Where windows are narrower than pixels: the highest and lowest of each few, of the class of interest only. */
  envelopes(first, last, group) {
    const { windows, info } = this.app;
    const count = Math.ceil((last - first) / group) * group;
    const x = new Float64Array(count).fill(NaN);
    const values = new Float32Array(count).fill(NaN);
    const { index } = this.drawn[this.drawn.length - 1];
    for (let k = first; k < last; k++) {
      const row = windows.steps[k];
      x[k - first] = windows.start[row] + info.window_samples / 2;
      values[k - first] = windows.probability[row * windows.classes + index];
    }
    const path = envelope(x, values, group);
    return this.rows(this.drawn.map((_, i) => (i === this.drawn.length - 1 ? path : { xs: [], ys: [] })));
  }

  rows(paths) {
    return {
      xs: paths.map((path) => path.xs), ys: paths.map((path) => path.ys),
      color: this.drawn.map(({ colour }) => colour), width: this.drawn.map(({ alarm }) => (alarm ? 1.8 : 1.2)),
    };
  }
}

/** Return the classes that are drawn, that of the alarm last and so on top; of many, the likeliest. */
function classesDrawn(info, windows) {
  if (!info.classes.length) return []; // the model does not answer with classes
  const mean = info.classes.map((_, c) => {
    let sum = 0;
    for (let i = 0; i < windows.count; i++) sum += windows.probability[i * windows.classes + c] || 0;
    return sum;
  });
  const alarm = info.alarm >= 0 ? info.alarm : mean.indexOf(Math.max(...mean));
  const others = info.classes.map((_, c) => c).filter((c) => c !== alarm).sort((a, b) => mean[b] - mean[a]).slice(0, MOST - 1);
  return [...others.sort((a, b) => b - a), alarm].map((index) => ({
    index, name: className(info.classes[index]), alarm: index === alarm,
    colour: index === alarm ? ALARM : CLASSES[(index > alarm ? index - 1 : index) % CLASSES.length],
  }));
}

/** Return the first of `rows` whose window starts at or after a sample. */
function search(rows, start, sample) {
  let [low, high] = [0, rows.length];
  while (low < high) {
    const middle = (low + high) >> 1;
    if (start[rows[middle]] < sample) low = middle + 1;
    else high = middle;
  }
  return low;
}
