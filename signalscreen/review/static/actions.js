/** What keys and buttons do. */

import * as dialogs from "./dialogs.js";
import { send } from "./http.js";

/** Return the actions by their key. */
export function actionsOf(app) {
  const { list, view } = app;
  const go = (step, wanted, words) => {
    const row = list.next(step, wanted);
    if (row < 0) app.say(words);
    else app.choose(row);
  };
  const flagged = (i) => app.windows.flagged[i];
  const alarm = (step, where) => (event) => {
    if (!app.records.several || list.next(step, flagged) >= 0) go(step, flagged, noAlarm(where));
    else if (event.repeat) app.say(`No alarm ${where} this one; press again for another record.`);
    else app.records.toAlarm(step);
  };
  const noAlarm = (where) => (list.order.some(flagged) ? `No alarm ${where} this one in the list.` : "No window in the list is an alarm.");
  const judge = (kind) => () => setVerdict(app, { verdict: kind });
  return {
    n: alarm(1, "after"), p: alarm(-1, "before"),
    ".": () => app.records.step(1), ",": () => app.records.step(-1),
    j: () => go(1, undefined, "This is the last window of the list."),
    k: () => go(-1, undefined, "This is the first window of the list."),
    down: () => go(1, undefined, "This is the last window of the list."),
    up: () => go(-1, undefined, "This is the first window of the list."),
    a: judge("accept"), r: judge("reject"), f: judge("artefact"), u: judge("unsure"),
    l: () => needsTarget(app) && dialogs.relabel(app, (label) => setVerdict(app, { verdict: "relabel", label })),
    m: () => needsTarget(app) && dialogs.note(app, mine(app) || {}, (note, verdict) => setVerdict(app, { verdict, note })),
    z: () => undo(app),
    x: () => remove(app),
    g: () => dialogs.goTo(app),
    s: () => dialogs.exports(app, send),
    o: () => view.show(0, app.info.n),
    w: () => app.current >= 0 && app.choose(app.current),
    v: () => app.useSelectTool(!app.gestures.selecting),
    left: () => view.pan(-0.25), right: () => view.pan(0.25),
    in: () => view.zoom(0.5), out: () => view.zoom(2),
    home: () => view.show(0, view.span), end: () => view.show(app.info.n - view.span, app.info.n),
    forget: () => app.forget(),
    pageUp: () => app.stack.scroll(-1), pageDown: () => app.stack.scroll(1),
    "]": () => app.useGain(Math.min(32, app.stack.gain * 2)), "[": () => app.useGain(Math.max(0.25, app.stack.gain / 2)),
  };
}

/** This reviewer's verdict on the target: the chosen one, or the newest on the very same span and lead. */
function mine(app) {
  const target = app.target();
  const { reviewer } = app.info;
  if (target.kind === "verdict") return app.chosen.who === reviewer ? app.chosen : null;
  return app.verdicts.list.filter((v) => v.who === reviewer && v.start === target.start && v.stop === target.stop && v.lead === target.lead).pop();
}

function needsTarget(app) {
  if (app.target()) return true;
  app.say("Choose a window in the list, or select a span with shift and drag.");
  return false;
}

/** Save a verdict on the target; what is not named stays as it was. */
function setVerdict(app, { verdict, label = undefined, note = undefined }) {
  if (!needsTarget(app)) return;
  const target = app.target();
  const before = mine(app);
  app.hush();
  const words = label ?? (verdict === "relabel" && before ? before.label : "");
  app.verdicts.set({
    start: target.start, stop: target.stop, lead: target.lead, window: target.window ?? null,
    verdict, label: words, note: note ?? before?.note ?? "",
  });
}

/** Undo, and say what was undone unless there is a newer edit by then. */
function undo(app) {
  const { next } = app.verdicts;
  app.hush();
  return app.verdicts.undo().then((words) => next === app.verdicts.next && app.say(words), (error) => app.say(error.message, true));
}

function remove(app) {
  if (!needsTarget(app)) return;
  const verdict = mine(app);
  if (!verdict) {
    app.say(app.target().kind === "verdict" ? `That verdict is ${app.chosen.who}'s; only ${app.chosen.who} can delete it.` : "There is no verdict of yours here.");
    return;
  }
  app.hush();
  app.verdicts.remove(verdict);
}
