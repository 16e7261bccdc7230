/** What a verdict would be on: which span, how it is said, whether it is seen. */

import { drawMeanings } from "./meaning.js";
import { duration } from "./time.js";

const LEAST = 10; // pixels that a span needs to be seen
const PART = 0.5; // of a span, or of the view, that must be in both
const FLASH = 900; // ms

/** The selected span, a chosen verdict's span, or the current window; null where there is none. */
export function targetOf({ selection, chosen, current, windows }) {
  if (selection) return { kind: "selection", window: null, ...selection };
  if (chosen) return { kind: "verdict", start: chosen.start, stop: chosen.stop, lead: chosen.lead, window: chosen.window };
  if (current < 0) return null;
  return { kind: "window", start: windows.start[current], stop: windows.stop(current), lead: windows.leadName(current), window: current };
}

/** Say where a span is. */
export function words(app, { start, stop, lead }) {
  const decimals = stop - start < 10 * app.info.fs ? 1 : 0;
  return `${app.clock.words(start, decimals)} – ${app.clock.words(stop, decimals)}${lead ? ` · ${lead}` : ""}`;
}

/** Return why a target is not seen, "" where it is. */
export function unseen(app, { start, stop, lead }) {
  const { view, info } = app;
  const shared = Math.min(stop, view.to) - Math.max(start, view.from);
  if (shared <= 0) return `is ${duration(-shared / info.fs)} outside the view`;
  if (shared < PART * Math.min(stop - start, view.span)) return "lies mostly outside the view";
  if (((stop - start) / view.span) * app.pixels < LEAST) return "is too short to be seen at this zoom";
  const index = leadIndex(app, lead);
  if (index < 0) return "";
  if (!app.shown.has(index)) return `is on lead ${lead}, which is hidden`;
  return app.stack.seen(app.stack.height / 2 - 1).includes(index) ? "" : `is on lead ${lead}, which is scrolled out of view`;
}

/** Whether a verdict may be given: on something, and on what is seen. If not, say how to come there. */
export function aimedAt(app) {
  const target = app.target();
  if (!target) {
    app.say("Choose a window in the list, or select a span with shift and drag.");
    return false;
  }
  const why = unseen(app, target);
  if (why) app.say(`Nothing was done: the ${target.kind} ${words(app, target)} ${why}. Press w to go there, or click what you see.`, true);
  return !why;
}

/** Bring the target into view, with its lead. */
export function bring(app) {
  const target = app.target();
  if (!target) { app.say("There is no window to go to; choose one in the list."); return; }
  const index = leadIndex(app, target.lead);
  if (index >= 0 && !app.shown.has(index)) {
    app.showLead(index, true);
    document.querySelector(`#leads input[value="${index}"]`).checked = true;
  }
  app.view.around(target.start, target.stop, 0.25);
  app.stack.reveal(index);
  app.say("");
  flash(app, target);
}

/** Say what the target is, whether it is seen, and what a verdict would say of it. */
export function drawAim(app) {
  const target = app.target();
  const aim = document.getElementById("aim");
  const why = target && unseen(app, target);
  const kind = target && { selection: "Selection", verdict: `Verdict of ${app.chosen?.who}`, window: "Window" }[target.kind];
  const all = target && !target.lead && target.kind !== "window" && app.info.leads.length > 1;
  const said = target ? [`${kind} ${words(app, { ...target, lead: "" })}`, duration((target.stop - target.start) / app.info.fs),
    target.lead || (all ? "all leads" : ""), why ? `${reason(why)} (w)` : ""].filter(Boolean).join(" · ") : "No window chosen";
  if (aim.textContent !== said) aim.textContent = said;
  aim.classList.toggle("unseen", Boolean(why));
  drawMeanings(app, target);
}

function reason(why) {
  if (why.includes("hidden")) return "not shown";
  return why.includes("too short") ? "too short to see" : "out of view";
}

/** Show for a moment what was just judged. */
export function flash(app, { start, stop, lead }, colour = "#2456c7") {
  const { view, frame, stack } = app;
  const signal = document.getElementById("signal");
  const outer = signal.getBoundingClientRect();
  const place = (sample) => frame[0] + ((Math.max(view.from, Math.min(view.to, sample)) - view.from) / view.span) * app.pixels;
  const index = leadIndex(app, lead);
  const within = stack.element.getBoundingClientRect();
  const parts = [index < 0 ? within : stack.slots[index].getBoundingClientRect()];
  const top = index < 0 ? document.getElementById("lane").getBoundingClientRect().top : Math.max(within.top, parts[0].top);
  const bottom = Math.min(within.bottom, parts[0].bottom);
  if (place(stop) <= place(start) || bottom <= top) return;
  signal.querySelector(".flash")?.remove();
  const box = document.createElement("div");
  box.className = "flash";
  Object.assign(box.dataset, { start, stop, lead });
  Object.assign(box.style, {
    left: `${place(start)}px`, width: `${Math.max(3, place(stop) - place(start))}px`, top: `${top - outer.top}px`, height: `${bottom - top}px`, background: colour,
  });
  signal.append(box);
  setTimeout(() => box.remove(), FLASH);
}

/** Index of a lead by its name; -1 for "", all leads. */
function leadIndex({ info }, lead) {
  return lead ? info.leads.findIndex(({ name }) => name === lead) : -1;
}
