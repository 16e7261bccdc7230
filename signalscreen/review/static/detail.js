/** Level of detail: which bins a view is drawn from, and the coloured line they make. Pure functions. */

import { PLANES, RAW } from "./tiles.js";

const RAW_PIXEL = 4; // samples a pixel up to which every one is drawn
const BEAT = 0.8; // seconds: where a pixel holds about a beat, colours are means

/**
 * Choose what a view is drawn from.
 * @param {number} span samples in view
 * @param {number} pixels width of the frame
 * @param {number[]} levels bin sizes, levels[0] = 1
 * @param {number} fs
 * @returns {{level: number, group: number, samples: number, mode: "raw"|"extreme"|"mean"}} the level; how many of
 *   its bins make a column (a power of two, so that columns stay where they are while the view moves); samples
 *   in a column, one to two columns a pixel (raw: up to four); what the colour of a column is
 */
export function choose(span, pixels, levels, fs) {
  const perPixel = span / pixels;
  let level = 0;
  while (level + 1 < levels.length && levels[level + 1] <= perPixel) level++;
  const factor = levels[level];
  const group = perPixel <= RAW_PIXEL ? 1 : 2 ** Math.max(0, Math.floor(Math.log2(perPixel / factor)));
  const raw = level === 0 && group === 1;
  return { level, group, samples: group * factor, mode: raw ? "raw" : perPixel / fs >= BEAT ? "mean" : "extreme" };
}

/** Return the bins of a plan that a view needs, one past the last, on whole columns, with one more on each side. */
export function binsOf(plan, from, to, n) {
  const { samples, group } = plan;
  const first = Math.max(0, Math.floor(from / samples) - 1);
  const last = Math.min(Math.ceil(n / samples), Math.ceil(to / samples) + 2);
  return { first: first * group, last: Math.max(last, first + 1) * group };
}

/**
 * Return the columns of one lead.
 * @returns {{x: Float64Array, low: Float32Array, high: Float32Array, value: Float32Array}} where a column is
 *   drawn (sample; a raw sample at its own place, a column at its middle), the lowest and highest signal in it,
 *   and the attribution that colours it
 */
export function columnsOf(tiles, plan, method, lead, { first, last }) {
  const names = plan.level === 0 ? RAW : PLANES;
  const read = (name) => tiles.gather(method, plan.level, lead, names.indexOf(name), first, last);
  const raw = plan.level === 0;
  const low = read(raw ? "signal" : "low");
  const high = raw ? low : read("high");
  const value = read(raw ? "attribution" : plan.mode === "mean" ? "mean" : "extreme");
  const count = low.length / plan.group;
  const half = plan.mode === "raw" ? 0 : plan.samples / 2;
  const x = Float64Array.from({ length: count }, (_, i) => (first / plan.group + i) * plan.samples + half);
  if (plan.group === 1) return { x, low, high, value };
  const gather = plan.mode === "mean" ? average : strongest;
  return { x, low: reduce(low, plan.group, Math.min), high: reduce(high, plan.group, Math.max), value: gather(value, plan.group) };
}

/** Return one value for each group, NaN left out. */
function reduce(values, group, choice) {
  const out = new Float32Array(values.length / group).fill(NaN);
  for (let i = 0; i < values.length; i++) {
    const k = Math.floor(i / group);
    if (values[i] === values[i]) out[k] = out[k] === out[k] ? choice(out[k], values[i]) : values[i];
  }
  return out;
}

function strongest(values, group) {
  return reduce(values, group, (a, b) => (Math.abs(b) > Math.abs(a) ? b : a));
}

function average(values, group) {
  const out = new Float32Array(values.length / group);
  for (let k = 0; k < out.length; k++) {
    let [sum, count] = [0, 0];
    for (let i = k * group; i < (k + 1) * group; i++) {
      if (values[i] === values[i]) { sum += values[i]; count++; }
    }
    out[k] = count ? sum / count : NaN;
  }
  return out;
}

/**
 * Return which of the line's rows a value belongs to: 0 not explained, 1 zero, then +1, -1, +2, -2 ... steps.
 * @param {number} value attribution
 * @param {number} limit what the last step stands for
 * @param {number} steps on each side of zero
 */
export function rowOf(value, limit, steps) {
  if (value !== value) return 0;
  const step = Math.max(-steps, Math.min(steps, Math.round((value / limit) * steps)));
  return step === 0 ? 1 : 2 * Math.abs(step) + (step > 0 ? 0 : 1);
}

/**
 * Return the coloured line as one path for each colour; NaN lifts the pen.
 * A raw line goes from sample k to k + 1 in the colour of sample k. A column goes from its lowest to its highest
 * value, after a stroke from the end of the column before it.
 * @returns {{xs: number[][], ys: number[][]}} one row for each colour, in the order of `rowOf`
 */
export function colouredPaths({ x, low, high, value }, raw, limit, steps) {
  const xs = Array.from({ length: 2 * steps + 2 }, () => []);
  const ys = xs.map(() => []);
  let before = -1; // the row that the last stroke is in, while the pen is down
  let end = NaN;
  for (let k = 0; k < x.length - (raw ? 1 : 0); k++) {
    if (raw) end = low[k];
    const known = raw ? low[k] === low[k] && low[k + 1] === low[k + 1] : low[k] === low[k];
    if (!known) { before = -1; end = NaN; continue; }
    const row = rowOf(value[k], limit, steps);
    const [px, py] = [xs[row], ys[row]];
    const at = raw ? k : k - 1; // where the stroke starts
    if (row !== before) {
      if (px.length) { px.push(NaN); py.push(NaN); }
      if (end === end) { px.push(x[at]); py.push(end); }
    }
    if (raw) { px.push(x[k + 1]); py.push(low[k + 1]); before = row; continue; }
    const upwards = !(end === end) || Math.abs(end - low[k]) <= Math.abs(end - high[k]);
    const [near, far] = upwards ? [low[k], high[k]] : [high[k], low[k]];
    px.push(x[k], x[k]);
    py.push(near, far);
    [before, end] = [row, far];
  }
  return { xs, ys };
}

/** Return one path through the lowest and highest of each group of values: for lines with more values than pixels. */
export function envelope(x, values, group) {
  const low = reduce(values, group, Math.min);
  const high = reduce(values, group, Math.max);
  const [xs, ys] = [[], []];
  for (let k = 0; k < low.length; k++) {
    const place = x[Math.min(k * group + (group >> 1), x.length - 1)];
    const [near, far] = k % 2 ? [low[k], high[k]] : [high[k], low[k]];
    xs.push(place, place);
    ys.push(near, far);
  }
  return { xs, ys };
}
