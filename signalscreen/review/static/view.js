/** The part of the recording in view, in samples. Zooming and panning are arithmetic on two numbers. */

/** Least and most that can be seen, and who is told of a change. */
export class View {
  /**
   * @param {number} n samples of the recording
   * @param {number} fs
   * @param {() => void} changed called at every change
   */
  constructor(n, fs, changed) {
    this.n = n;
    this.least = Math.min(n, Math.max(16, fs / 5)); // a fifth of a second
    this.changed = changed;
    this.from = 0;
    this.to = n;
  }

  get span() {
    return this.to - this.from;
  }

  /** Show samples from..to, kept within the recording and not narrower than the least. */
  show(from, to) {
    const span = Math.min(this.n, Math.max(this.least, to - from));
    const middle = (from + to) / 2;
    const begin = Math.max(0, Math.min(this.n - span, middle - span / 2));
    if (begin === this.from && begin + span === this.to) return;
    [this.from, this.to] = [begin, begin + span];
    this.changed();
  }

  /** Zoom about a sample; a factor below 1 shows less. */
  zoom(factor, about = (this.from + this.to) / 2) {
    const span = Math.min(this.n, Math.max(this.least, this.span * factor));
    const part = (about - this.from) / this.span;
    this.show(about - part * span, about + (1 - part) * span);
  }

  /** Move by a part of what is in view; 1 is a whole view later. */
  pan(part) {
    const shift = part * this.span;
    this.show(this.from + shift, this.to + shift);
  }

  /** Show a span with as much of its neighbourhood on each side as `around` times its length. */
  around(from, to, around = 1) {
    const margin = around * (to - from);
    this.show(from - margin, to + margin);
  }
}
