/** What the colours mean. The map itself comes with the page, from signalscreen.plot. */

import { duration } from "./time.js";

/** Colours and letters of verdicts; never told by the colour alone. */
export const VERDICTS = {
  accept: { colour: "#1b7837", letter: "A", words: "accepted" },
  reject: { colour: "#762a83", letter: "R", words: "rejected" },
  artefact: { colour: "#8c510a", letter: "F", words: "artefact" },
  unsure: { colour: "#5c6570", letter: "U", words: "unsure" },
  relabel: { colour: "#01665e", letter: "L", words: "relabelled" },
};

/** Colour of a line where nothing was explained: as a line, and as columns of many beats, which would be a dark mass. */
export const UNEXPLAINED = "#22272e";
export const UNEXPLAINED_COLUMNS = "#6b7480";

/** Colours of classes; the class that raises the alarm has the first. */
export const ALARM = "#a4133c";
export const CLASSES = ["#0072b2", "#009e73", "#8a6d00", "#6a4c93", "#3d405b", "#457b9d", "#5c6570"];

const WEAK = [233, 236, 240];
const STRONG = [59, 15, 112];

/** Return the colour of a strength between 0 and 1. */
export function strengthColour(part) {
  const p = Math.max(0, Math.min(1, part));
  return `rgb(${WEAK.map((weak, i) => Math.round(weak + p * (STRONG[i] - weak))).join(",")})`;
}

/**
 * Return the attribution that the darkest colour stands for.
 * Means over many beats are small: each level has its own limit for them.
 */
export function limitOf(method, plan) {
  const limit = plan.mode === "mean" ? method.mean_limits?.[plan.level] || method.limit : method.limit;
  return limit > 0 ? limit : 1;
}

/** Return a number in few digits. */
export function short(value) {
  if (value === 0) return "0";
  const size = Math.abs(value);
  return size >= 1e4 || size < 1e-3 ? value.toExponential(1) : String(Number(value.toPrecision(2)));
}

/** Return the words of an axis's ticks, short enough for the room beside a lead's name: 10000 is 10k. */
export function axisWords(ticks) {
  const thousands = ticks.some((tick) => Math.abs(tick) >= 1e4) && ticks.every((tick) => tick % 100 === 0);
  const words = (tick) => String(Number((thousands ? tick / 1000 : tick).toPrecision(6))).replace("-", "−");
  return ticks.map((tick) => `${words(tick)}${thousands && tick ? "k" : ""}`);
}

/** Return what a column's colour is, in words. */
export function meaning(plan, fs) {
  const width = duration(plan.samples / fs);
  if (plan.mode === "raw") return "colour: every sample";
  if (plan.mode === "extreme") return `colour: strongest in ${width}, signed; line: lowest to highest`;
  return `colour: mean of ${width}, limits of this zoom; line: lowest to highest`;
}

/** Draw the legend into an element. */
export function drawLegend(element, palette, method, plan, fs, bad) {
  if (!method) {
    element.replaceChildren("no attribution is stored");
    return;
  }
  const key = [method.name, plan.level, plan.group, plan.mode, bad].join();
  if (element.dataset.key === key) return;
  element.dataset.key = key;
  const limit = limitOf(method, plan);
  const bar = document.createElement("span");
  bar.className = "bar";
  bar.style.background = `linear-gradient(to right, ${palette.join(",")})`;
  const part = (className, text) => Object.assign(document.createElement("span"), { className, textContent: text });
  const unit = method.units ? ` ${method.units}` : "";
  element.replaceChildren(
    part("end", `lowers  −${short(limit)}`), bar, part("end", `+${short(limit)}${unit}  raises`),
    part(`none ${plan.mode}`, "not explained"), ...(bad ? [part("bad", "bad signal")] : []), part("meaning", meaning(plan, fs)),
  );
  element.setAttribute("aria-label", `Line colour: blue lowers the score, orange raises it, grey is zero; limits ±${short(limit)}${unit}; ${meaning(plan, fs)}`);
}
