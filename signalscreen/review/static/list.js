/** The list of windows: sorted, filtered, and only the rows in sight are elements. */

import { ALARM, VERDICTS } from "./colour.js";

const ROW = 28; // pixels

/** The list at the left; the row of the current window is its active descendant. */
export class List {
  constructor(app, element) {
    Object.assign(this, { app, element });
    this.rows = document.getElementById("rows");
    this.counts = document.getElementById("count");
    this.nothing = document.getElementById("nothing");
    this.nothing.querySelector("button").addEventListener("click", () => { this.useFilter("all"); this.arrange(); app.keeping.save(); });
    this.sort = "score";
    this.filter = "open";
    this.order = [];
    element.addEventListener("scroll", () => this.draw(), { passive: true });
    element.addEventListener("click", (event) => {
      const row = event.target.closest("[data-row]");
      if (row) app.choose(Number(row.dataset.row));
    });
    for (const name of ["sort", "filter"]) {
      document.getElementById(name).addEventListener("change", (event) => {
        this[name] = event.target.value;
        this.arrange();
        this.reveal(true);
        app.keeping.save();
        event.target.blur();
      });
    }
  }

  /** Whether this reviewer has not judged a window. */
  unreviewed(row) {
    return !this.app.verdicts.of(this.app.windows, row).mine;
  }

  /** Whether a window leaves the list when it is judged. */
  get shrinks() {
    return this.filter === "open" || this.filter === "unreviewed";
  }

  /** Whether there can be no alarm: the model has no class that raises one, and nothing is flagged. */
  get pointless() {
    const { info, windows } = this.app;
    return !info.classes[info.alarm] && !windows.flagged.some(Boolean);
  }

  useFilter(filter) {
    this.filter = filter;
    document.getElementById("filter").value = filter;
  }

  /** Sort and filter anew. */
  arrange() {
    const { windows } = this.app;
    const keep = {
      all: () => true, flagged: (i) => windows.flagged[i], unreviewed: (i) => this.unreviewed(i), open: (i) => windows.flagged[i] && this.unreviewed(i),
    }[this.filter];
    this.order = windows.ordered(this.sort, keep);
    this.rows.style.height = `${ROW * this.order.length}px`;
    this.draw();
  }

  /** Draw the rows in sight. */
  draw() {
    const { app } = this;
    const first = Math.max(0, Math.floor(this.element.scrollTop / ROW) - 4);
    const last = Math.min(this.order.length, Math.ceil((this.element.scrollTop + this.element.clientHeight) / ROW) + 4);
    const rows = [];
    for (let place = first; place < last; place++) rows.push(this.row(place));
    this.rows.replaceChildren(...rows);
    const current = document.getElementById(`window-${app.current}`);
    if (current) this.element.setAttribute("aria-activedescendant", current.id);
    else this.element.removeAttribute("aria-activedescendant");
    this.drawCounts();
  }

  drawCounts() {
    const { windows, verdicts } = this.app;
    const key = `${verdicts.version}/${this.order.length}`;
    if (key === this.counted) return;
    this.counted = key;
    let [flagged, reviewed] = [0, 0];
    for (let i = 0; i < windows.count; i++) {
      flagged += windows.flagged[i];
      if (windows.flagged[i] && !this.unreviewed(i)) reviewed++;
    }
    [this.flagged, this.reviewed] = [flagged, reviewed];
    const all = this.order.length.toLocaleString("en");
    this.app.records.recounted();
    this.nothing.hidden = this.order.length > 0;
    this.nothing.querySelector("span").textContent = this.emptiness();
    this.counts.textContent = `${all} shown · ${reviewed.toLocaleString("en")} of ${flagged.toLocaleString("en")} alarms reviewed`;
  }

  row(place) {
    const { app } = this;
    const { windows } = app;
    const i = this.order[place];
    const row = document.createElement("div");
    row.id = `window-${i}`;
    row.dataset.row = i;
    row.className = `row${windows.flagged[i] ? " flagged" : ""}${i === app.current ? " current" : ""}`;
    row.style.top = `${place * ROW}px`;
    row.setAttribute("role", "option");
    row.setAttribute("aria-selected", i === app.current);
    row.setAttribute("aria-setsize", this.order.length);
    row.setAttribute("aria-posinset", place + 1);
    const time = app.clock.words(windows.start[i]);
    const lead = windows.leadName(i);
    const p = windows.alarm[i];
    const { mine, other } = app.verdicts.of(windows, i);
    row.append(cell("time", time), ...(windows.lead[i] < 0 ? [] : [cell("in", lead)]), bar(p, windows.flagged[i]), cell("number", windows.gap[i] ? "gap" : p === p ? p.toFixed(2) : "–"), mark(mine, ""), mark(other, "other"));
    const said = [mine, other].filter(Boolean).map((v) => `${v.verdict} by ${v.who}`).join(", ");
    row.setAttribute("aria-label", `${time} ${lead} ${p === p ? `P ${p.toFixed(2)}` : "no probability"}${windows.flagged[i] ? ", flagged" : ""}${said ? `, ${said}` : ""}`);
    return row;
  }

  /** Why the list is empty. */
  emptiness() {
    if (!this.app.windows.count) return "There are no windows in this record.";
    if (this.filter === "unreviewed") return "Every window is reviewed.";
    return this.flagged ? `All ${this.flagged.toLocaleString("en")} alarms of this record are reviewed.` : "There is no alarm in this record.";
  }

  /** The alarm that `n` goes to, or `p`; -1 where the list has none that way. */
  nextAlarm(step) {
    return this.next(step, (i) => this.app.windows.flagged[i]);
  }

  /** Bring the current window's row into sight; to the middle if asked. */
  reveal(toMiddle = false) {
    const place = this.order.indexOf(this.app.current);
    if (place < 0) { this.draw(); return; }
    const [top, height] = [this.element.scrollTop, this.element.clientHeight];
    if (toMiddle || place * ROW < top || (place + 1) * ROW > top + height) this.element.scrollTop = Math.max(0, place * ROW - height / 2);
    this.draw();
  }

  /**
   * Return the next row in the list's order.
   * @param {number} step 1 or -1
   * @param {(i: number) => boolean} wanted
   */
  next(step, wanted = () => true) {
    let place = this.order.indexOf(this.app.current);
    // The current window may have left the list, once it was reviewed: go on from where it was.
    if (place < 0) place = step > 0 ? (this.place ?? 0) - 1 : this.place ?? 0;
    for (place += step; place >= 0 && place < this.order.length; place += step) {
      if (wanted(this.order[place])) return this.order[place];
    }
    return -1;
  }

  /** Remember where the current window is, for when it leaves the list. */
  remember() {
    const place = this.order.indexOf(this.app.current);
    if (place >= 0) this.place = place;
  }
}

function cell(className, text) {
  return Object.assign(document.createElement("span"), { className, textContent: text });
}

function bar(p, flagged) {
  const bar = cell("p", "");
  const part = document.createElement("i");
  part.style.width = `${Math.round(100 * (p || 0))}%`;
  if (flagged) part.style.background = ALARM;
  bar.append(part);
  return bar;
}

function mark(verdict, whose) {
  const mark = cell(`mark ${whose}`, verdict ? VERDICTS[verdict.verdict].letter : "");
  if (!verdict) return mark;
  mark.style.setProperty("--colour", VERDICTS[verdict.verdict].colour);
  if (verdict.state === "failed") mark.classList.add("failed");
  mark.title = `${verdict.verdict} by ${verdict.who}${verdict.note ? `: ${verdict.note.slice(0, 200)}` : ""}`;
  return mark;
}
