/** The windows of the recording, as columns; their order and what they say. */

import { ask } from "./http.js";

const ARRAYS = { f4: Float32Array, f8: Float64Array, i4: Int32Array, u1: Uint8Array, i1: Int8Array };

/** Fetch the windows of a record. */
export async function fetchWindows(info) {
  const data = await (await ask("api/windows", { record: info.record })).arrayBuffer();
  return new Windows(info, readColumns(data));
}

/** Return named columns of a binary table: length of a JSON header, the header, the columns. */
function readColumns(data) {
  const length = new DataView(data).getUint32(0, true);
  const header = JSON.parse(new TextDecoder().decode(new Uint8Array(data, 4, length)));
  const columns = { count: header.count };
  for (const { name, dtype, offset, shape } of header.columns) {
    const size = shape.reduce((a, b) => a * b, 1);
    columns[name] = new ARRAYS[dtype](data, 4 + length + offset, size);
  }
  return columns;
}

/** Windows in the order of time (then lead), as the store has them. */
export class Windows {
  constructor(info, columns) {
    Object.assign(this, columns);
    this.info = info;
    this.length = info.window_samples;
    this.classes = info.classes.length;
    this.alarm = new Float32Array(this.count);
    for (let i = 0; i < this.count; i++) this.alarm[i] = this.alarmOf(i);
    this.steps = this.highestOfLeads();
  }

  /** P of the class that raises the alarm; of the likeliest class where no class does. */
  alarmOf(i) {
    const { alarm } = this.info;
    if (alarm >= 0) return this.probability[i * this.classes + alarm];
    let most = NaN;
    for (let c = 0; c < this.classes; c++) {
      const p = this.probability[i * this.classes + c];
      if (!(p <= most)) most = p;
    }
    return most;
  }

  /** One row for each start: of leads explained one by one, that with the highest P(alarm), one without a number last. */
  highestOfLeads() {
    const rows = [];
    for (let i = 0; i < this.count; i++) {
      const last = rows.length - 1;
      if (last >= 0 && this.start[rows[last]] === this.start[i]) {
        if (this.alarm[i] > this.alarm[rows[last]] || Number.isNaN(this.alarm[rows[last]])) rows[last] = i;
      } else rows.push(i);
    }
    return Int32Array.from(rows);
  }

  stop(i) {
    return this.start[i] + this.length;
  }

  /** Name of the window's lead, "" for all. */
  leadName(i) {
    return this.lead[i] < 0 ? "" : this.info.leads[this.lead[i]].name;
  }

  /** Return the first window that starts at or after a sample. */
  firstFrom(sample) {
    let [low, high] = [0, this.count];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.start[middle] < sample) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** Return the window at a sample whose middle is nearest to it, -1 where there is none. */
  at(sample, lead = null) {
    let [best, least] = [-1, Infinity];
    for (let i = this.firstFrom(sample - this.length + 1); i < this.count && this.start[i] <= sample; i++) {
      if (lead !== null && this.lead[i] >= 0 && this.lead[i] !== lead) continue;
      const distance = Math.abs(this.start[i] + this.length / 2 - sample);
      if (distance < least) [best, least] = [i, distance];
    }
    return best;
  }

  /**
   * Return row numbers in an order.
   * @param {"score"|"surprise"|"time"} sort highest first, or earliest; what has no value comes last
   * @param {(i: number) => boolean} keep
   */
  ordered(sort, keep) {
    const rows = [];
    for (let i = 0; i < this.count; i++) if (keep(i)) rows.push(i);
    if (sort === "time") return rows;
    const key = sort === "surprise" ? this.surprise : this.info.alarm >= 0 ? this.alarm : this.score;
    const value = (i) => (key[i] === key[i] ? key[i] : -Infinity);
    return rows.sort((a, b) => value(b) - value(a) || a - b);
  }
}
