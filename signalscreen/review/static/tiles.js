/** Tiles of the pyramid: fetched once, kept while there is room, the least recently used thrown out first. */

import { ask } from "./http.js";

/** Bins in a tile. */
export const BINS = 2048;

/** Planes of one lead, in the server's order: of raw samples, and of any other level. */
export const RAW = ["signal", "attribution"];
export const PLANES = ["low", "high", "average", "lowest", "highest", "extreme", "mean"];

/** Tiles of one recording. */
export class Tiles {
  /**
   * @param {{record: string, levels: number[], leads: Object[], n: number}} info
   * @param {number} budget bytes kept
   */
  constructor(info, budget = 128e6) {
    this.info = info;
    this.budget = budget;
    this.bytes = 0;
    this.fetched = 0; // bytes that came over the wire, for the benchmark
    this.kept = new Map(); // in the order of use
    this.coming = new Map();
  }

  /** Return the index of the last tile of a level. */
  last(level) {
    return Math.floor((Math.ceil(this.info.n / this.info.levels[level]) - 1) / BINS);
  }

  /** Return the planes of one lead in one tile, or undefined if they are not here. */
  get(method, level, lead, index) {
    const key = name(method, level, lead, index);
    const planes = this.kept.get(key);
    if (planes) {
      this.kept.delete(key);
      this.kept.set(key, planes);
    }
    return planes;
  }

  /**
   * Return what is not here of tiles first..last for these leads.
   * @returns {{index: number, leads: number[]}[]}
   */
  missing(method, level, leads, first, last) {
    const wanted = [];
    for (let index = Math.max(first, 0); index <= Math.min(last, this.last(level)); index++) {
      const absent = leads.filter((lead) => !this.kept.has(name(method, level, lead, index)));
      if (absent.length) wanted.push({ index, leads: absent });
    }
    return wanted;
  }

  /** Fetch tiles named by `missing`; what is already on its way is waited for, not asked for twice. */
  load(method, level, wanted, fresh = () => true) {
    return Promise.all(wanted.map(async ({ index, leads }) => {
      const keys = leads.map((lead) => name(method, level, lead, index));
      const absent = leads.filter((_, i) => !this.coming.has(keys[i]));
      if (absent.length && fresh()) {
        const arriving = this.fetch(method, level, index, absent);
        for (const lead of absent) this.coming.set(name(method, level, lead, index), arriving);
      }
      await Promise.all(keys.map((key) => this.coming.get(key)));
    }));
  }

  async fetch(method, level, index, leads) {
    const query = { record: this.info.record, level, first: index * BINS, count: BINS, method, leads: leads.join(",") };
    try {
      const data = await (await ask("api/tile", query)).arrayBuffer();
      this.fetched += data.byteLength;
      const planes = data.byteLength / (4 * BINS * leads.length); // those of the signal only, where there is no method
      leads.forEach((lead, i) => this.keep(name(method, level, lead, index), planesOf(data, i * planes, planes)));
    } finally {
      for (const lead of leads) this.coming.delete(name(method, level, lead, index));
    }
  }

  keep(key, planes) {
    this.kept.set(key, planes);
    this.bytes += 4 * BINS * planes.length;
    for (const [oldest, old] of this.kept) {
      if (this.bytes <= this.budget) break;
      this.kept.delete(oldest);
      this.bytes -= 4 * BINS * old.length;
    }
  }

  /**
   * Return bins first..last (one past) of one plane in one array; NaN where there is nothing.
   * @param {number} plane index into RAW or PLANES
   */
  gather(method, level, lead, plane, first, last) {
    const values = new Float32Array(last - first).fill(NaN);
    for (let index = Math.max(Math.floor(first / BINS), 0); index * BINS < last; index++) {
      const planes = this.get(method, level, lead, index);
      if (!planes?.[plane]) continue;
      const begin = Math.max(first, index * BINS);
      const end = Math.min(last, (index + 1) * BINS);
      values.set(planes[plane].subarray(begin - index * BINS, end - index * BINS), begin - first);
    }
    return values;
  }
}

function name(method, level, lead, index) {
  return `${method}/${level}/${lead}/${index}`;
}

/** Return `count` planes from the `first`-th on, of a tile's bytes. */
function planesOf(data, first, count) {
  // Own copies: a lead may be thrown out while its neighbours in the same answer stay.
  return Array.from({ length: count }, (_, k) => new Float32Array(data.slice(4 * BINS * (first + k), 4 * BINS * (first + k + 1))));
}
