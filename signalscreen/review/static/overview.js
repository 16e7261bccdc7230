/** The strip of the whole recording: strength of the attribution, P(alarm), what is flagged, what has a verdict. */

import { ALARM, strengthColour, VERDICTS } from "./colour.js";

const STRENGTH = [0.7, 1];
const ALARMS = [0.2, 0.64];
const FLAGS = [0.115, 0.185];
const REVIEWED = [0, 0.085];

/** The overview; click or drag in it to go there. */
export class Overview {
  constructor(app, panel, element) {
    Object.assign(this, { app, panel, element });
    panel.x.setv({ start: 0, end: app.info.n });
    for (const type of ["pointerdown", "pointermove"]) {
      element.addEventListener(type, (event) => { if (event.buttons & 1) this.go(event); });
    }
    element.addEventListener("pointerdown", (event) => element.setPointerCapture(event.pointerId));
    element.addEventListener("wheel", (event) => {
      event.preventDefault();
      app.view.zoom(1.0018 ** event.deltaY, this.sample(event));
    }, { passive: false });
  }

  sample(event) {
    const box = this.element.getBoundingClientRect();
    const [left, right] = this.app.frame;
    return ((event.clientX - box.left - left) / (box.width - left - right)) * this.app.info.n;
  }

  go(event) {
    const { view, info } = this.app;
    const sample = Math.max(0, Math.min(info.n, this.sample(event)));
    // From the whole recording a click goes to five minutes, else the view keeps its length.
    const span = view.span > 0.98 * info.n ? Math.min(info.n, 300 * info.fs) : view.span;
    view.show(sample - span / 2, sample + span / 2);
  }

  draw(view, pixels) {
    const { app } = this;
    this.panel.show(0, app.info.n, app.clock.ticks(0, app.info.n, pixels / 90));
    this.panel.fill("view", { left: [view.from], right: [view.to] }, `${view.from}-${view.to}`);
    this.panel.fill("bars", this.bars(pixels), `${app.method}/${app.verdicts.version}/${Math.round(pixels)}`);
  }

  /** One column a pixel; where several windows share it, the highest of each is drawn. */
  bars(pixels) {
    const { app } = this;
    const { windows, info } = app;
    const columns = Math.max(1, Math.floor(pixels));
    const width = info.n / columns;
    const highest = { strength: new Float32Array(columns).fill(NaN), alarm: new Float32Array(columns).fill(NaN), flagged: new Uint8Array(columns) };
    const strength = app.method ? windows[`strength_${app.method}`] : undefined;
    for (let i = 0; i < windows.count; i++) {
      const last = Math.min(columns - 1, Math.floor((windows.start[i] + windows.length - 1) / width));
      for (let c = Math.floor(windows.start[i] / width); c <= last; c++) {
        if (strength && !(highest.strength[c] >= strength[i]) && strength[i] === strength[i]) highest.strength[c] = strength[i];
        if (!(highest.alarm[c] >= windows.alarm[i]) && windows.alarm[i] === windows.alarm[i]) highest.alarm[c] = windows.alarm[i];
        if (windows.flagged[i]) highest.flagged[c] = 1;
      }
    }
    const top = percentile(highest.strength, 0.995) || 1;
    const out = { left: [], right: [], bottom: [], top: [], color: [] };
    const add = (left, right, bottom, height, colour) => {
      out.left.push(left); out.right.push(right); out.bottom.push(bottom); out.top.push(height); out.color.push(colour);
    };
    for (let c = 0; c < columns; c++) {
      const [left, right] = [c * width, (c + 1) * width];
      if (highest.strength[c] >= 0) add(left, right, ...STRENGTH, strengthColour(highest.strength[c] / top));
      if (highest.alarm[c] >= 0) add(left, right, ALARMS[0], ALARMS[0] + highest.alarm[c] * (ALARMS[1] - ALARMS[0]), highest.flagged[c] ? ALARM : "#b9a3ab");
      if (highest.flagged[c]) add(left, right, ...FLAGS, ALARM);
    }
    for (const v of app.verdicts.list) {
      add(v.start, Math.max(v.stop, v.start + 3 * width), ...REVIEWED, VERDICTS[v.verdict].colour);
    }
    return out;
  }
}

function percentile(values, part) {
  const known = values.filter((value) => value === value).sort();
  return known.length ? known[Math.floor(part * (known.length - 1))] : NaN;
}
