/** The review page: puts the parts together and holds what they share. */

import { actionsOf } from "./actions.js";
import { drawLegend } from "./colour.js";
import { Drawing } from "./drawing.js";
import { Gestures } from "./gestures.js";
import { buildHeader, drawSaved } from "./header.js";
import { Keeping } from "./keeping.js";
import { listen } from "./keys.js";
import { Lane, stacked } from "./lane.js";
import { List } from "./list.js";
import { Offer } from "./offer.js";
import { Overview } from "./overview.js";
import { Panel } from "./panels.js";
import { Progress } from "./progress.js";
import { Records } from "./records.js";
import { Rescue } from "./rescue.js";
import { Spans } from "./spans.js";
import { Stack } from "./signal.js";
import { drawAim, targetOf } from "./target.js";
import { Clock } from "./time.js";
import { Tiles } from "./tiles.js";
import { Track } from "./track.js";
import { Verdicts } from "./verdicts.js";
import { View } from "./view.js";
import { fetchWindows } from "./windows.js";

const trackHeight = () => (innerHeight < 720 ? 96 : 132);
const byId = (id) => document.getElementById(id);

/** The page of one record. */
class App {
  constructor({ info, figures, palette, frame }) {
    Object.assign(this, { info, figures, palette, frame, ready: false });
    this.steps = (palette.length - 1) / 2;
    this.clock = new Clock(info);
    this.tiles = new Tiles(info);
    this.shown = new Set(info.leads.keys());
    this.method = info.methods[0]?.name || "";
    this.current = -1;
    this.selection = null;
    this.chosen = null;
    this.drawing = new Drawing(() => this.draw());
    this.view = new View(info.n, info.fs, () => { this.drawing.changed(); this.keeping?.save(); });
    this.verdicts = new Verdicts(info, () => this.verdictsChanged());
    this.records = new Records(this);
    this.lane = new Lane(this);
    this.list = new List(this, byId("list"));
    this.spans = new Spans(this);
    this.stack = new Stack(this, byId("stack"), figures.leads);
    this.gestures = new Gestures(this, byId("signal"));
    this.keeping = new Keeping(this);
    this.rescue = new Rescue(info);
    this.progress = new Progress(this);
  }

  get methodInfo() {
    return this.info.methods.find(({ name }) => name === this.method);
  }

  /** Load what is needed and draw for the first time: the list and the signal, then what goes with it. */
  async start() {
    const place = this.restore();
    buildHeader(this);
    const [windows] = await Promise.all([fetchWindows(this.info), this.verdicts.refresh(), this.prefetch()]);
    this.windows = windows;
    byId("list").style.setProperty("--time", `${8.2 * this.clock.words(this.info.n).length}px`);
    byId("list").style.setProperty("--in", `${Math.min(64, 7.4 * Math.max(6, ...this.info.leads.map(({ name }) => name.length)))}px`);
    if (!place?.filter && this.list.pointless) this.list.useFilter("all");
    this.list.arrange();
    if (place && place.window >= 0 && place.window < windows.count) this.current = place.window;
    this.arrive(place?.arrive);
    this.list.reveal(true);
    this.stack.reveal(windows.lead[this.current]);
    await this.drawing.settled();
    await this.accompany();
    this.ready = true;
    listen(actionsOf(this), (key) => this.may(key), this.info);
    this.keeping.travel();
    this.verdicts.watch();
    new ResizeObserver(() => this.arrange()).observe(byId("signal"));
    addEventListener("beforeunload", (event) => { if (this.verdicts.edits.length) event.preventDefault(); });
    addEventListener("pageshow", (event) => { if (event.persisted) this.records.stay(); }); // Back, to the page as it was
    this.verdictsChanged();
    this.offer(place);
    this.offered = new Offer(this);
    this.drawing.changed();
    if (this.records.several) this.records.load().catch((error) => this.say(error.message, true));
  }

  /** Take the first or the last alarm of the list: the reviewer came here for it from another record. */
  arrive(which) {
    if (!which) return;
    const alarms = this.list.order.filter((i) => this.windows.flagged[i]);
    const row = which === "last" ? alarms.at(-1) : alarms[0];
    if (row === undefined) return;
    this.current = row;
    this.view.around(this.windows.start[row], this.windows.stop(row), 0.25);
  }

  /** Whether a key may do something now: not while another record is on its way, which Esc stops. */
  may(key) {
    const { leaving } = this.records;
    if (!leaving || key === "forget") this.records.stay();
    if (leaving && key === "forget") this.say(`Record ${leaving} is not opened.`);
    return !leaving;
  }

  /** Build what goes with the signal: marks, probabilities, the whole recording. */
  async accompany() {
    const [lane, track, overview] = await Promise.all([
      Panel.embed(this.figures.lane, byId("lane")), Panel.embed(this.figures.track, byId("track"), trackHeight()),
      Panel.embed(this.figures.overview, byId("overview")),
    ]);
    this.track = new Track(this, track, byId("classes"));
    this.overview = new Overview(this, overview, byId("overview"));
    byId("overview-name").textContent = this.track.drawn.length ? `P(${this.track.drawn.at(-1).name})` : "";
    this.panels = { lane, track };
  }

  /** Go where the reviewer was. */
  restore() {
    const place = this.keeping.read();
    if (!place) return null;
    if (place.to > place.from) [this.view.from, this.view.to] = [Math.max(0, place.from), Math.min(this.info.n, place.to)];
    for (const lead of place.hidden) if (this.shown.size > 1) this.shown.delete(lead);
    if (this.info.methods.some(({ name }) => name === place.method)) this.method = place.method;
    for (const name of ["sort", "filter"]) {
      if (!place[name]) continue;
      byId(name).value = place[name];
      this.list[name] = byId(name).value || this.list[name];
      byId(name).value = this.list[name];
    }
    return place;
  }

  /** The tiles of the first view travel while the figures are built. */
  prefetch() {
    this.stack.arrange();
    const leads = this.stack.seen();
    const { plan, missing } = this.stack.needed(this.view, this.pixels, leads);
    this.stack.fetch(plan, missing);
    return this.stack.embed(leads);
  }

  /** Width of the frames. */
  get pixels() {
    return Math.max(100, byId("lane").clientWidth - this.frame[0] - this.frame[1]);
  }

  /** The page has another size. */
  arrange() {
    this.panels.track.resize(trackHeight());
    this.stack.arrange();
    this.list.draw();
    this.drawing.changed();
  }

  /** Offer the alarm that `n` goes to. */
  offer(place) {
    if (place?.way) { this.say(`${place.way} record: ${this.info.record}`); return; }
    const row = this.list.nextAlarm(1);
    if (row < 0) {
      if (this.records.several && !this.list.flagged) this.say("No alarm in this record; n goes on to the next record that has one.");
      return;
    }
    const lead = this.windows.leadName(row);
    this.say(`${place?.window >= 0 ? "Reopened where you left off. " : ""}Next alarm: ${this.clock.words(this.windows.start[row])}${lead ? ` · ${lead}` : ""}${this.list.unreviewed(row) ? "" : ", reviewed before"} (n)`);
  }

  /** Draw everything; return whether all of it was here. */
  draw() {
    if (!this.windows) return false;
    const { view, pixels } = this;
    const ticks = this.clock.ticks(view.from, view.to, pixels / 95);
    const complete = this.stack.draw(view, ticks, pixels);
    const marked = !this.panels || this.lane.draw(this.panels.lane, view, ticks, pixels);
    this.track?.draw(view, ticks, pixels);
    this.overview?.draw(view, pixels);
    this.progress.draw(view);
    drawLegend(byId("scale"), this.palette, this.methodInfo, this.stack.plan, this.info.fs, this.lane.badIn(view).length > 0);
    this.gestures?.read();
    drawAim(this);
    if (complete && marked && this.ready) this.quiet();
    return complete && marked;
  }

  /** Nothing is to do: fetch ahead. */
  quiet() {
    clearTimeout(this.later);
    this.later = setTimeout(() => this.stack.ahead(this.view), 60);
    this.records.prepare();
  }

  /** What a verdict would be on. */
  target() {
    return targetOf(this);
  }

  /** Make a window the current one and show it. */
  choose(row, show = true) {
    this.say(""); // what was offered is taken, or something else is
    this.records.stay();
    this.list.remember();
    [this.current, this.selection, this.chosen] = [row, null, null];
    this.list.reveal();
    this.stack.reveal(this.windows.lead[row]);
    if (show) this.view.around(this.windows.start[row], this.windows.stop(row), 0.25);
    this.aimed();
  }

  /** Select a span of samples in a lead, "" in all. */
  select(from, to, lead = "") {
    const [start, stop] = [from, to].map((sample) => Math.round(Math.max(0, Math.min(this.info.n, sample)))).sort((a, b) => a - b);
    this.chosen = null;
    this.selection = stop > start ? { start, stop, lead } : null;
    this.aimed();
  }

  /** A click: a verdict in the lane, else the window there. */
  click(sample, inLane, lead) {
    const hit = inLane ? stacked(this.verdicts.list).filter((v) => v.start <= sample && sample < v.stop).pop() : null;
    if (hit) {
      [this.chosen, this.selection] = [hit, null];
      return this.aimed();
    }
    const row = this.windows.at(sample, lead);
    if (row >= 0) this.choose(row, false);
  }

  forget() {
    [this.selection, this.chosen] = [null, null];
    this.useSelectTool(false);
    this.aimed();
  }

  useSelectTool(on) {
    this.gestures.selecting = on;
    byId("select-tool").setAttribute("aria-pressed", on);
    byId("signal").classList.toggle("selecting", on);
  }

  /** The target changed. */
  aimed() {
    drawAim(this);
    this.drawing.changed();
    this.keeping.save();
  }

  useMethod(name) {
    this.method = name;
    this.drawing.changed();
    this.keeping.save();
  }

  useGain(gain) {
    this.stack.useGain(gain);
    this.drawing.changed();
  }

  /** Show or hide a lead; the last one stays. Returns whether that was done. */
  showLead(lead, on) {
    if (!on && this.shown.size === 1) return false;
    if (on) this.shown.add(lead);
    else this.shown.delete(lead);
    this.stack.arrange();
    this.drawing.changed();
    this.keeping.save();
    return true;
  }

  verdictsChanged() {
    this.rescue.keep(this.verdicts.edits);
    drawSaved(this);
    if (!this.ready) return;
    if (this.chosen && !this.verdicts.list.some((v) => v.id === this.chosen.id)) this.chosen = null;
    this.list.remember();
    if (this.list.shrinks) this.list.arrange();
    else this.list.draw();
    this.aimed();
  }

  /** Say something for a while. */
  say(words, wrong = false) {
    const message = byId("message");
    Object.assign(message, { textContent: words, title: words, className: wrong ? "wrong" : "" });
    clearTimeout(this.saying);
    this.saying = setTimeout(() => this.hush(), 8000);
  }

  /** Take back what was said: it was of an edit before this one. */
  hush() {
    byId("message").textContent = "";
  }

  /** Tiles cannot be fetched, or can again. */
  unreachable(error) {
    if (error) {
      this.say(error.message, true);
      setTimeout(() => this.drawing.again(), 2000);
    }
  }
}

const app = new App(JSON.parse(byId("given").textContent));
/** For tests and scripts: `settled()` is kept when what is in view is drawn from its own data. */
window.signalscreen = { app, settled: () => app.drawing.settled() };
app.start().catch((error) => app.say(`The page could not be loaded: ${error.message}`, true));
