/** The stack of leads: one panel each, put into the page when it is first seen. */

import { binsOf, choose, colouredPaths, columnsOf } from "./detail.js";
import { axisWords, limitOf, UNEXPLAINED, UNEXPLAINED_COLUMNS, VERDICTS } from "./colour.js";
import { Panel, strips } from "./panels.js";
import { BINS } from "./tiles.js";

const LEAST = 74; // pixels of a lead
const FINE = 0.03; // seconds: columns up to this long still make a line

/** The leads of the recording, those that are shown and those that are in view. */
export class Stack {
  constructor(app, element, figures) {
    Object.assign(this, { app, element, figures });
    this.panels = new Map();
    this.columns = new Map(); // lead to what its panel was drawn from
    this.slots = app.info.leads.map((lead, index) => this.slot(lead, index));
    element.append(...this.slots);
    this.gain = 1;
    this.more = Object.assign(document.createElement("button"), { type: "button", className: "more", hidden: true, title: "Page Down, Page Up" });
    this.more.addEventListener("click", () => this.scroll(this.element.scrollTop + this.element.clientHeight < this.element.scrollHeight - 1 ? 1 : -1));
    element.after(this.more);
    element.addEventListener("scroll", () => { this.drawMore(); app.drawing.changed(); }, { passive: true });
  }

  slot(lead, index) {
    const slot = document.createElement("div");
    slot.className = "part lead";
    slot.dataset.lead = index;
    const names = document.createElement("div");
    names.className = "names";
    const name = Object.assign(document.createElement("b"), { textContent: lead.name, title: lead.name });
    names.append(name, Object.assign(document.createElement("small"), { textContent: lead.units }));
    const plot = Object.assign(document.createElement("div"), { className: "plot" });
    plot.dataset.lead = index;
    slot.append(names, plot);
    return slot;
  }

  /** Leads that are shown, in the recording's order. */
  shown() {
    return this.app.info.leads.map((_, index) => index).filter((index) => this.app.shown.has(index));
  }

  /** Share the height that there is among the leads shown; where they need more, they scroll. */
  arrange() {
    const shown = this.shown();
    const room = this.element.clientHeight;
    const fitting = Math.max(1, Math.min(shown.length, Math.floor(room / LEAST)));
    this.height = Math.floor(Math.max(LEAST, room / fitting));
    this.slots.forEach((slot, index) => {
      slot.hidden = !this.app.shown.has(index);
      slot.style.height = `${this.height}px`;
    });
    for (const panel of this.panels.values()) panel?.resize(this.height);
    this.drawMore();
  }

  /** Say how many leads lie above and below what is in view. */
  drawMore() {
    const shown = this.shown();
    const seen = this.seen(this.height / 2 - 1);
    const above = shown.indexOf(seen[0]);
    const below = shown.length - above - seen.length;
    this.more.hidden = above <= 0 && below <= 0;
    this.more.textContent = [above > 0 ? `▲ ${above} more` : "", below > 0 ? `▼ ${below} more` : ""].filter(Boolean).join("   ");
  }

  /** Draw all leads higher or lower, about zero or the middle of their limits. */
  useGain(gain) {
    this.gain = gain;
    for (const [lead, panel] of this.panels) if (panel) this.limit(panel, lead);
  }

  limit(panel, lead) {
    const { low, high, units } = this.app.info.leads[lead];
    const about = low < 0 && high > 0 ? 0 : (low + high) / 2;
    panel.y.setv({ start: about + (low - about) / this.gain, end: about + (high - about) / this.gain });
    this.slots[lead].querySelector("small").textContent = this.gain === 1 ? units : `${units} ×${this.gain}`;
  }

  /** Move by what is in view, down or up. */
  scroll(step) {
    const rows = Math.max(1, Math.floor(this.element.clientHeight / this.height));
    this.element.scrollTop += step * rows * this.height;
  }

  /** Bring a lead into view; nothing moves where it is seen, or hidden. */
  reveal(lead) {
    const place = this.shown().indexOf(lead);
    if (place < 0) return;
    const rows = Math.max(1, Math.floor(this.element.clientHeight / this.height));
    const [first, last] = [Math.max(0, place + 1 - rows) * this.height, place * this.height];
    this.element.scrollTop = Math.max(first, Math.min(last, this.element.scrollTop));
  }

  /** Leads of whose panel so many pixels are in view now. */
  seen(least = 1) {
    const top = this.element.scrollTop;
    const bottom = top + this.element.clientHeight;
    return this.shown().filter((_, place) => (place + 1) * this.height > top + least && place * this.height < bottom - least);
  }

  /** Put panels of leads that are seen for the first time into the page. */
  async embed(leads) {
    await Promise.all(leads.map(async (lead) => {
      if (this.panels.has(lead)) return;
      this.panels.set(lead, null); // on its way
      const plot = this.slots[lead].querySelector(".plot");
      const panel = await Panel.embed(this.figures[lead], plot, this.height);
      panel.resize(this.height); // it may have changed meanwhile
      panel.useWords(axisWords);
      this.limit(panel, lead);
      this.panels.set(lead, panel);
      this.app.drawing.again();
    }));
  }

  /**
   * Draw what is here and ask for what is not.
   * @returns {boolean} whether everything in view was drawn from its own data
   */
  draw(view, ticks, pixels) {
    const { app } = this;
    const leads = this.seen();
    const ready = leads.filter((lead) => this.panels.get(lead));
    if (ready.length < leads.length) this.embed(leads);
    const { plan, bins, missing } = this.needed(view, pixels, leads);
    this.plan = plan;
    for (const lead of ready) {
      const panel = this.panels.get(lead);
      panel.show(view.from, view.to, ticks);
      this.drawSpans(panel, lead);
      if (!missing.length) this.drawLine(panel, lead, plan, bins);
    }
    if (missing.length) this.fetch(plan, missing);
    return !missing.length && ready.length === leads.length;
  }

  /** What a view is drawn from, and which tiles of that are not here. */
  needed(view, pixels, leads) {
    const { info, tiles, method } = this.app;
    const plan = choose(view.span, pixels, info.levels, info.fs);
    const bins = binsOf(plan, view.from, view.to, info.n);
    const [first, last] = [Math.floor(bins.first / BINS), Math.floor((bins.last - 1) / BINS)];
    return { plan, bins, missing: tiles.missing(method, plan.level, leads, first, last) };
  }

  drawLine(panel, lead, plan, bins) {
    const { app } = this;
    const key = `${app.method}/${plan.level}/${plan.group}/${plan.mode}/${bins.first}/${bins.last}`;
    if (panel.filled.get("line") === key) return;
    const columns = columnsOf(app.tiles, plan, app.method, lead, bins);
    const limit = app.methodInfo ? limitOf(app.methodInfo, plan) : 1;
    const raw = plan.mode === "raw";
    const paths = colouredPaths(columns, raw, limit, app.steps);
    // Columns are thin: a wide one would cover its neighbours.
    const color = [plan.mode === "mean" ? UNEXPLAINED_COLUMNS : UNEXPLAINED, ...panel.source("line").data.color.slice(1)];
    const stroke = raw ? 1.7 : plan.samples < FINE * app.info.fs ? 1.5 : 1.1;
    panel.fill("line", { ...paths, color, width: paths.xs.map((_, row) => (row === 0 ? 0.9 : stroke)) }, key);
    this.columns.set(lead, { ...columns, plan, limit });
  }

  drawSpans(panel, lead) {
    const { app } = this;
    const name = app.info.leads[lead].name;
    panel.fill("spans", strips(app.verdicts.list.filter((v) => !v.lead || v.lead === name)
      .map((v) => ({ from: v.start, to: v.stop, colour: VERDICTS[v.verdict].colour, alpha: 0.06 }))), app.verdicts.version);
    const target = app.target();
    const here = target && (!target.lead || target.lead === name);
    const span = here ? [target.start, target.stop] : [];
    const selecting = here && target.kind === "selection";
    panel.fill("selection", strips(selecting ? [{ from: span[0], to: span[1], colour: "#2456c7", alpha: 0.16 }] : []), `${selecting}${span}`);
    const window = here && !selecting;
    panel.fill("current", strips(window ? [{ from: span[0], to: span[1], colour: "#2456c7", alpha: 0.035 }] : []), `${window}${span}`);
    const bad = app.lane.badIn(app.view).filter((b) => b.lead === lead);
    panel.fill("bad", strips(bad.map((b) => ({ from: b.start, to: b.stop, colour: "#7d8590", edge: "#ffffff00", alpha: 0.13 }))),
      `${app.lane.version}/${bad.length}`);
  }

  async fetch(plan, missing) {
    const { app } = this;
    const { version } = app.drawing;
    try {
      // A view that is passed by before its turn comes is not fetched.
      await app.tiles.load(app.method, plan.level, missing, () => app.drawing.version === version);
      app.unreachable(null);
    } catch (error) {
      app.unreachable(error);
      return;
    }
    app.drawing.again();
  }

  /** Fetch ahead, when all is quiet: what lies beside the view, one level finer in its middle, and one coarser. */
  ahead(view) {
    const { app, plan } = this;
    const leads = this.seen();
    for (const step of [0, -1, 1]) {
      const level = plan.level + step;
      if (level < 0 || level >= app.info.levels.length) continue;
      const factor = app.info.levels[level];
      const reach = step === 0 ? view.span : step < 0 ? -view.span / 4 : 2 * view.span;
      const first = Math.floor((view.from - reach) / factor / BINS);
      const last = Math.floor((view.to + reach) / factor / BINS);
      const missing = app.tiles.missing(app.method, level, leads, first, last).slice(0, 12);
      app.tiles.load(app.method, level, missing).catch(() => {}); // what is needed is asked for again when it is
    }
  }
}
