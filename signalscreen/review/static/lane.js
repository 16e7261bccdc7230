/** The lane above the signal: annotations and R peaks when zoomed in, verdicts with who gave them. */

import { VERDICTS } from "./colour.js";
import { strips } from "./panels.js";
import { send } from "./http.js";

const BLOCK = 60; // seconds of marks fetched at once
const MOST = 180; // seconds in view up to which marks are shown
const NORMAL = new Set(["N", "·", "."]);

/** Marks of the record itself and of its reviewers. */
export class Lane {
  constructor(app) {
    this.app = app;
    this.blocks = new Map();
    this.bad = [];
    this.version = 0;
  }

  /** @returns {boolean} whether the marks in view are here */
  draw(panel, view, ticks, pixels) {
    const { app } = this;
    panel.show(view.from, view.to, ticks);
    document.getElementById("beats-name").classList.toggle("off", view.span > MOST * app.info.fs);
    const marks = this.marks(view);
    const key = `${this.version}/${app.verdicts.version}/${view.from}/${view.to}`;
    panel.fill("verdicts", this.quads(view, pixels), `${app.verdicts.version}/${view.span}/${app.chosen?.id}`);
    panel.fill("words", this.words(marks, view, pixels), key);
    const peaks = marks.peaks.map((x) => x);
    panel.fill("ticks", {
      x: peaks, y0: peaks.map(() => 0.95), y1: peaks.map(() => 1), color: peaks.map(() => "#22272e"),
    }, `${this.version}/${view.span > MOST * app.info.fs}/${peaks.length}/${peaks[0]}`);
    const target = app.target();
    panel.fill("current", strips(target ? [{ from: target.start, to: target.stop, colour: "#2456c7", alpha: target.kind === "selection" ? 0.16 : 0.05 }] : []));
    return marks.complete;
  }

  /** Spans of bad signal, where they are looked for: in a view as short as that of beats. */
  badIn(view) {
    if (view.span > MOST * this.app.info.fs) return [];
    return this.bad.filter((b) => b.start < view.to && b.stop > view.from);
  }

  /** Return the marks in view that are here, and fetch the others. */
  marks(view) {
    const { info } = this.app;
    const found = { annotations: [], peaks: [], complete: true };
    if (view.span > MOST * info.fs) return found;
    const size = BLOCK * info.fs;
    for (let block = Math.floor(view.from / size); block * size < view.to; block++) {
      const marks = this.blocks.get(block);
      if (!marks) { this.fetch(block, size); found.complete = false; continue; }
      if (marks === "failed") continue;
      found.annotations.push(...marks.annotations.filter((a) => a.sample < view.to && Math.max(a.end, a.sample) >= view.from));
      found.peaks.push(...marks.peaks.filter((peak) => peak >= view.from && peak < view.to));
    }
    return found;
  }

  async fetch(block, size) {
    if (this.blocks.has(block)) return;
    this.blocks.set(block, undefined);
    try {
      const query = { record: this.app.info.record, from: Math.floor(block * size), to: Math.ceil((block + 1) * size) };
      const marks = await send("GET", "api/marks", query);
      const begin = block * size; // a mark belongs to the block it begins in
      marks.annotations = marks.annotations.filter((a) => a.sample >= begin && a.sample < begin + size);
      marks.peaks = marks.peaks.filter((peak) => peak >= begin && peak < begin + size);
      this.blocks.set(block, marks);
      this.bad.push(...(marks.bad || []));
    } catch (error) {
      this.blocks.set(block, "failed");
      this.app.say(`Marks could not be read: ${error.message}`);
    }
    this.version++;
    this.app.drawing.again();
  }

  quads(view, pixels) {
    const { verdicts, chosen } = this.app;
    const least = (2 * view.span) / pixels;
    const list = stacked(verdicts.list);
    const colours = list.map((v) => VERDICTS[v.verdict].colour);
    return {
      left: list.map((v) => v.start), right: list.map((v) => Math.max(v.stop, v.start + least)),
      color: colours, edge: list.map((v, i) => (chosen && v.id === chosen.id ? "#000000" : colours[i])),
      hatch: list.map((v) => (v.state === "failed" ? "right_diagonal_line" : " ")),
    };
  }

  /** Words of beats, and of verdicts where there is room for them. */
  words(marks, view, pixels) {
    const words = [];
    const room = (samples) => (samples * pixels) / view.span;
    const crowded = marks.annotations.length > pixels / 12;
    for (const { sample, symbol, note } of marks.annotations) {
      if (crowded && NORMAL.has(symbol)) continue;
      const text = note && !NORMAL.has(symbol) ? `${symbol} ${note}`.slice(0, 12) : symbol;
      words.push({ x: sample, y: note ? 0.82 : 0.55, text, color: NORMAL.has(symbol) ? "#5c6570" : "#a01600", align: note ? "left" : "center" });
    }
    const list = stacked(this.app.verdicts.list).filter((v) => v.start < view.to && v.stop > view.from);
    for (const [i, v] of list.entries()) {
      const [from, to] = seen(Math.max(v.start, view.from), Math.min(v.stop, view.to), list.slice(i + 1));
      const under = list.slice(0, i).filter((other) => other.start === v.start && other.stop === v.stop);
      const text = this.text(v, room(to - from), under);
      if (text) words.push({ x: (from + to) / 2, y: 0.2, text, color: "#ffffff", align: "center" });
    }
    return Object.fromEntries(["x", "y", "text", "color", "align"].map((name) => [name, words.map((word) => word[name])]));
  }

  /** What there is room for of a verdict and of those on the very same span under it, which cannot be seen. */
  text(v, width, under = []) {
    const kind = ({ verdict, label, lead }) => `${verdict === "relabel" ? `→ ${label}` : VERDICTS[verdict].words}${lead ? ` · ${lead}` : ""}`;
    const state = (one) => ({ failed: "not saved: ", saving: "… " }[one.state] || "");
    const named = (one) => `${state(one)}${kind(one)} · ${one.who}`;
    const whole = (one) => named(one) + (one.note ? ` – ${one.note.slice(0, 60).replace(/\s+/g, " ")}` : "");
    const all = [v, ...under];
    const texts = [all.map(whole).join("  |  "), all.map(named).join("  |  "), whole(v), named(v), kind(v), VERDICTS[v.verdict].letter];
    return texts.find((text) => 6.2 * text.length < width - 6) || "";
  }
}

/** Verdicts as they are drawn, each upon those before it: the shorter upon the longer, else the newer upon the older. */
export function stacked(verdicts) {
  return [...verdicts].sort((a, b) => (b.stop - b.start) - (a.stop - a.start));
}

/** The longest stretch between two samples that no span of `above` covers: where words can be read. */
function seen(from, to, above) {
  let [best, at] = [[from, from], from];
  const free = (end, next) => {
    if (end - at > best[1] - best[0]) best = [at, end];
    at = Math.max(at, next);
  };
  for (const { start, stop } of [...above].sort((a, b) => a.start - b.start)) {
    if (start < to && stop > from) free(start, stop);
  }
  free(to, to);
  return best;
}
