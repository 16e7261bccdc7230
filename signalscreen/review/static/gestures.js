/** Mouse and touch on the signal: wheel and pinch zoom, drag pans, shift-drag selects, a double click takes a window. */

import { Pinch } from "./pinch.js";
import { drawReadout } from "./readout.js";

const PINCH = 1.01; // of a trackpad, which browsers tell as a wheel with Ctrl: zoom for each of its small steps
const CLICK = 4; // pixels that a pointer may move in a click

/** Listen to everything that happens on the panels that share the view. */
export class Gestures {
  constructor(app, element) {
    Object.assign(this, { app, element });
    this.pinch = new Pinch(app, (event) => this.sample(event));
    this.selecting = false; // the tool; shift does the same for one drag
    element.addEventListener("wheel", (event) => this.wheel(event), { passive: false });
    for (const [type, does] of [["pointerdown", "down"], ["pointermove", "move"], ["pointerup", "up"], ["pointercancel", "up"]]) {
      element.addEventListener(type, (event) => {
        if (event.pointerType === "touch") event.stopPropagation(); // Bokeh follows one finger only
        this[does](event);
      }, { capture: true });
    }
    element.addEventListener("pointerleave", () => { this.over = null; this.read(); });
    element.addEventListener("dblclick", (event) => this.double(event));
  }

  /** Return the sample under the pointer. */
  sample(event) {
    const { view, frame } = this.app;
    const [left, right] = frame;
    const box = document.getElementById("lane").getBoundingClientRect();
    return view.from + ((event.clientX - box.left - left) / (box.width - left - right)) * view.span;
  }

  lead(event) {
    const lead = event.target.closest?.("[data-lead]");
    return lead ? Number(lead.dataset.lead) : null;
  }

  wheel(event) {
    if (event.target.closest(".names") && !event.ctrlKey) return; // there the leads scroll
    event.preventDefault();
    const { view } = this.app;
    const unit = event.deltaMode === 1 ? 33 : 1;
    const [across, along] = [unit * event.deltaX, unit * event.deltaY];
    if (event.ctrlKey) view.zoom(PINCH ** Math.max(-50, Math.min(50, along)), this.sample(event));
    else if (event.shiftKey) view.pan((along || across) / 1000);
    else if (Math.abs(across) > Math.abs(along)) view.pan(across / 1000);
    else view.zoom(1.0025 ** along, this.sample(event));
  }

  down(event) {
    if (event.button !== 0 || !event.target.closest(".plot")) return;
    if (this.pinch.down(event)) { this.held = null; return; }
    this.hold(event);
    this.element.setPointerCapture(event.pointerId);
    this.element.focus({ preventScroll: true });
    event.preventDefault();
  }

  hold(event) {
    const { view } = this.app;
    this.held = {
      x: event.clientX, y: event.clientY, sample: this.sample(event), from: view.from, to: view.to,
      select: this.selecting || event.shiftKey, moved: false, lead: this.lead(event),
    };
  }

  move(event) {
    const { app, held } = this;
    if (this.pinch.move(event)) return;
    this.over = event;
    if (!held) { this.read(); return; }
    if (!held.moved && Math.abs(event.clientX - held.x) < CLICK) return;
    held.moved = true;
    if (held.select) { app.select(held.sample, this.sample(event), app.info.leads[held.lead]?.name); return; } // in the lane: of all leads
    const box = document.getElementById("lane").getBoundingClientRect();
    const shift = ((held.x - event.clientX) / (box.width - app.frame[0] - app.frame[1])) * (held.to - held.from);
    app.view.show(held.from + shift, held.to + shift);
  }

  /** Say what is under the pointer, which may rest while the view moves. */
  read() {
    if (this.over) drawReadout(this.app, this.sample(this.over), this.lead(this.over));
    else drawReadout(this.app, null);
  }

  up(event) {
    if (this.pinch.up(event)) { this.over = null; return; }
    const { app, held } = this;
    this.held = null;
    if (!held || held.moved || event.type === "pointercancel") return;
    const box = document.getElementById("lane").getBoundingClientRect();
    const inLane = held.y >= box.top && held.y <= box.bottom;
    app.click(held.sample, inLane, held.lead);
  }

  double(event) {
    const { app } = this;
    if (!event.target.closest(".plot")) return;
    const row = app.windows.at(this.sample(event), this.lead(event));
    if (row >= 0) app.choose(row);
  }
}
