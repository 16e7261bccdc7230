/** Two fingers on the signal: what was under each when they came down stays under it. */

const LEAST = 24; // pixels between two fingers, so that a span stays one

/** The fingers on the screen; others must let a drag alone while there are two. */
export class Pinch {
  /** @param {(event: {clientX: number}) => number} sample which sample lies under a pointer */
  constructor(app, sample) {
    Object.assign(this, { app, sample });
    this.fingers = new Map(); // by pointer: {x, sample}
    this.pinching = false; // until the last finger has left
  }

  /** @returns {boolean} whether two fingers are down now */
  down(event) {
    if (event.pointerType !== "touch") return false;
    this.fingers.set(event.pointerId, { x: event.clientX });
    if (this.fingers.size < 2) return this.pinching;
    this.pinching = true;
    for (const finger of this.fingers.values()) finger.sample = this.sample({ clientX: finger.x });
    return true;
  }

  /** @returns {boolean} whether the pointer belongs to a pinch */
  move(event) {
    const finger = this.fingers.get(event.pointerId);
    if (finger) finger.x = event.clientX;
    if (!this.pinching) return false;
    if (this.fingers.size === 2) this.zoom(...this.fingers.values());
    return true;
  }

  zoom(a, b) {
    const { view } = this.app;
    if (Math.abs(b.x - a.x) < LEAST || (b.x - a.x) * (b.sample - a.sample) <= 0) return;
    const perPixel = (b.sample - a.sample) / (b.x - a.x);
    const pixel = view.span / this.app.pixels;
    const left = a.x - (this.sample({ clientX: a.x }) - view.from) / pixel; // of the frame, on the screen
    const from = a.sample - (a.x - left) * perPixel;
    view.show(from, from + perPixel * this.app.pixels);
  }

  /** @returns {boolean} whether the pointer belonged to a pinch */
  up(event) {
    const was = this.pinching;
    this.fingers.delete(event.pointerId);
    if (!this.fingers.size) this.pinching = false;
    for (const finger of this.fingers.values()) finger.sample = this.sample({ clientX: finger.x }); // of three, two go on
    return was;
  }
}
