/** What keys and buttons do. */

import * as dialogs from "./dialogs.js";
import { VERDICTS } from "./colour.js";
import { send } from "./http.js";
import { alarmed, meaningOf, meanings } from "./meaning.js";
import { aimedAt, bring, flash } from "./target.js";
import { redo, undo } from "./undo.js";

/** Return the actions by their key. */
export function actionsOf(app) {
  const { list, view } = app;
  const go = (step, wanted, words) => {
    const row = list.next(step, wanted);
    if (row < 0) app.say(words);
    else app.choose(row);
  };
  const alarm = (step, where) => (event) => {
    const row = list.nextAlarm(step);
    if (row >= 0) app.choose(row);
    else if (!app.records.several) app.say(noAlarm(where));
    else if (event.repeat) app.say(`No alarm ${where} this one; press again for another record.`);
    else app.records.toAlarm(step);
  };
  const noAlarm = (where) => {
    if (list.order.some((i) => app.windows.flagged[i])) return `No alarm ${where} this one in the list.`;
    return list.shrinks && list.flagged ? "Every alarm of this recording is reviewed." : "No window in the list is an alarm.";
  };
  const judge = (kind) => () => setVerdict(app, { verdict: kind });
  return {
    n: alarm(1, "after"), p: alarm(-1, "before"),
    ".": () => app.records.step(1), ",": () => app.records.step(-1),
    j: () => go(1, undefined, "This is the last window of the list."),
    k: () => go(-1, undefined, "This is the first window of the list."),
    down: () => go(1, undefined, "This is the last window of the list."),
    up: () => go(-1, undefined, "This is the first window of the list."),
    a: judge("accept"), r: judge("reject"), f: judge("artefact"), u: judge("unsure"),
    l: () => aimedAt(app) && dialogs.relabel(app, (label) => setVerdict(app, { verdict: "relabel", label })),
    m: () => aimedAt(app) && dialogs.note(app, mine(app) || {}, meanings(app.info, alarmed(app, app.target())), (note, verdict) => setVerdict(app, { verdict, note })),
    z: () => undo(app), redo: () => redo(app),
    x: () => remove(app),
    g: () => dialogs.goTo(app),
    s: () => dialogs.exports(app, send),
    o: () => view.show(0, app.info.n),
    w: () => bring(app),
    v: () => app.useSelectTool(!app.gestures.selecting),
    spanLeft: () => app.spans.extend(-1), spanRight: () => app.spans.extend(1), spanUp: () => app.spans.turn(-1), spanDown: () => app.spans.turn(1),
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

/** Save a verdict on the target, if that is seen; what is not named stays as it was. */
function setVerdict(app, { verdict, label = undefined, note = undefined }) {
  if (!aimedAt(app)) return;
  const target = app.target();
  const before = mine(app);
  app.hush();
  const named = label ?? (verdict === "relabel" && before ? before.label : "");
  app.verdicts.set({
    start: target.start, stop: target.stop, lead: target.lead, window: target.window ?? null,
    verdict, label: named, note: note ?? before?.note ?? "", meaning: meaningOf(app, target, verdict, named),
  });
  flash(app, target, VERDICTS[verdict].colour);
}

function remove(app) {
  if (!aimedAt(app)) return;
  const verdict = mine(app);
  if (!verdict) {
    app.say(app.target().kind === "verdict" ? `That verdict is ${app.chosen.who}'s; only ${app.chosen.who} can delete it.` : "There is no verdict of yours here.");
    return;
  }
  app.hush();
  app.verdicts.remove(verdict);
  flash(app, verdict);
}
