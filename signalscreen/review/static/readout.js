/** What is under the pointer: when, how high, how it is explained. */

import { short } from "./colour.js";

/** Say what is at a sample, in a lead where the pointer is in one; nothing where there is no sample. */
export function drawReadout(app, sample, lead = null) {
  const output = document.getElementById("readout");
  const { info, stack, view } = app;
  if (sample === null || sample < 0 || sample >= info.n) { output.textContent = ""; return; }
  const columns = lead === null ? null : stack.columns.get(lead);
  const k = columns ? Math.round((sample - columns.x[0]) / columns.plan.samples) : -1;
  const words = [app.clock.words(sample, view.span < 60 * info.fs ? 2 : 0)];
  if (columns && Number.isFinite(columns.low[k])) { // no gap, and not still that of another view
    const { name, units } = info.leads[lead];
    const value = columns.low[k] === columns.high[k] ? short(columns.low[k]) : `${short(columns.low[k])} … ${short(columns.high[k])}`;
    words.push(`${name} ${value} ${units}`, Number.isFinite(columns.value[k]) ? `attribution ${short(columns.value[k])}` : "not explained");
  }
  const bad = app.lane.badIn(view).find((b) => b.lead === lead && b.start <= sample && sample < b.stop);
  if (bad) words.push(`bad: ${bad.what.replaceAll("_", " ")}`);
  output.textContent = words.join("  ·  ");
}
