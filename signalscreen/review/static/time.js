/** Samples as times that people read: time of day where the recording's beginning is known, else h:mm:ss. */

const DAY = 86400;
const STEPS = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200,
  10800, 21600, 43200, DAY, 2 * DAY, 7 * DAY];

/** The clock of one recording. */
export class Clock {
  /** @param {{fs: number, start: number, began: string}} info */
  constructor({ fs, start, began }) {
    this.fs = fs;
    this.start = start || 0;
    this.ofDay = Boolean(began);
    this.zero = this.ofDay ? secondsOfDay(began) : 0; // of sample 0 of the record, on the clock
  }

  /** Return seconds on the clock: since midnight of the first day, or since the record began. */
  seconds(sample) {
    return this.zero + this.start + sample / this.fs;
  }

  /** Return the sample at so many seconds on the clock. */
  sample(seconds) {
    return (seconds - this.zero - this.start) * this.fs;
  }

  /** Return the words of a time, with so many decimals of a second. */
  words(sample, decimals = 0) {
    return this.wordsOfSeconds(this.seconds(sample), decimals);
  }

  wordsOfSeconds(seconds, decimals = 0, withSeconds = true) {
    const unit = 10 ** decimals;
    const total = Math.round(seconds * unit) / unit;
    const sign = total < 0 ? "-" : "";
    const whole = Math.floor(Math.abs(total) + 1e-9);
    const days = this.ofDay ? Math.floor(whole / DAY) : 0;
    const hours = Math.floor(whole / 3600) - 24 * days;
    const minutes = String(Math.floor(whole / 60) % 60).padStart(2, "0");
    const rest = (Math.abs(total) - 60 * Math.floor(whole / 60)).toFixed(decimals).padStart(decimals ? 3 + decimals : 2, "0");
    const day = days ? `+${days}d ` : "";
    return `${sign}${day}${this.ofDay ? String(hours).padStart(2, "0") : hours}:${minutes}${withSeconds ? `:${rest}` : ""}`;
  }

  /**
   * Return ticks at human steps.
   * @param {number} from first sample in view
   * @param {number} to one past the last
   * @param {number} room how many labels there is room for
   * @returns {{ticks: number[], labels: Map<number, string>, step: number}} samples, their words, the step in seconds
   */
  ticks(from, to, room) {
    const [first, last] = [this.seconds(from), this.seconds(to)];
    const step = STEPS.find((candidate) => (last - first) / candidate <= room) ?? 30 * DAY;
    const decimals = step >= 1 ? 0 : step >= 0.1 ? 1 : 2;
    const ticks = [];
    const labels = new Map();
    for (let k = Math.ceil(first / step); k * step <= last; k++) {
      const tick = this.sample(k * step);
      ticks.push(tick);
      labels.set(tick, this.wordsOfSeconds(k * step, decimals, step < 60));
    }
    return { ticks, labels, step };
  }

  /**
   * Return the sample that a person means by "10:15", "1:02:03.5", "+1d 03:00" or "75 s", or NaN.
   * Two numbers are hours and minutes on a clock of the day; else minutes and seconds.
   */
  read(text) {
    const match = /^\s*(?:\+(\d+)d\s+)?(\d+(?:\.\d+)?)(?::(\d+(?:\.\d+)?))?(?::(\d+(?:\.\d+)?))?\s*s?\s*$/.exec(text);
    if (!match) return NaN;
    const [days, ...parts] = match.slice(1).map((part) => (part === undefined ? undefined : Number(part)));
    const given = parts.filter((part) => part !== undefined);
    if (given.length === 1) return given[0] * this.fs; // so many seconds from the beginning of what is shown
    if (given.length === 2 && !this.ofDay) given.unshift(0);
    const [hours, minutes, seconds = 0] = given;
    let clock = (days || 0) * DAY + hours * 3600 + minutes * 60 + seconds;
    if (this.ofDay && days === undefined && clock < this.seconds(0)) clock += DAY; // after midnight
    return this.sample(clock);
  }
}

/** Return seconds since midnight in an ISO date and time, on the clock it was written by. */
function secondsOfDay(began) {
  const match = /T(\d+):(\d+)(?::(\d+(?:\.\d+)?))?/.exec(began.replace(" ", "T"));
  return match ? 3600 * Number(match[1]) + 60 * Number(match[2]) + Number(match[3] || 0) : 0;
}

/** Return a length of time in words: "40 ms", "2.5 s", "3 min". */
export function duration(seconds) {
  const short = (value) => String(Number(value.toPrecision(3)));
  if (seconds < 1) return `${short(1000 * seconds)} ms`;
  if (seconds < 120) return `${short(seconds)} s`;
  return seconds < 7200 ? `${short(seconds / 60)} min` : `${short(seconds / 3600)} h`;
}
