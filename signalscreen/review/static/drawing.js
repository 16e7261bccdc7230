/** When to draw: at most once a frame, and who waits until what is in view is drawn from its own data. */

/** Coalesces changes into frames and counts the views that have settled. */
export class Drawing {
  /**
   * @param {() => boolean} draw draws what is here; returns whether anything is still to come
   */
  constructor(draw) {
    this.draw = draw;
    this.asked = false;
    this.changedAt = performance.now();
    this.version = 0; // of the view
    this.settledVersion = -1;
    this.count = 0;
    this.lastSettle = NaN; // ms from the last change to data on the screen
    this.firstData = NaN; // ms from the page's start
    this.waiting = [];
  }

  /** Something that is drawn has changed: the view, the leads, the method. */
  changed() {
    this.version++;
    this.changedAt = performance.now();
    this.again();
  }

  /** Draw in the next frame. */
  again() {
    if (this.asked) return;
    this.asked = true;
    requestAnimationFrame(() => {
      this.asked = false;
      const version = this.version;
      if (this.draw()) this.afterPaint(() => this.settle(version));
    });
  }

  /** Bokeh paints in the frame after its sources changed; call back when that is over. */
  afterPaint(then) {
    requestAnimationFrame(() => requestAnimationFrame(() => setTimeout(then)));
  }

  settle(version) {
    if (version !== this.version || this.asked) return;
    if (this.settledVersion !== version) {
      this.settledVersion = version;
      this.count++;
      this.lastSettle = performance.now() - this.changedAt;
      if (!(this.firstData >= 0)) this.firstData = performance.now();
    }
    for (const resolve of this.waiting.splice(0)) resolve(this.count);
  }

  /** Return a promise kept once the view of this moment is on the screen with its own data. */
  settled() {
    return new Promise((resolve) => {
      this.waiting.push(resolve);
      this.again();
    });
  }
}
