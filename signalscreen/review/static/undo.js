/** Undo and redo: what this page did last, said in words, and shown where it was. */

import { bring, flash, unseen, words } from "./target.js";

/** Undo this page's last edit; say what that was and go there. */
export function undo(app) {
  return travel(app, app.verdicts.undo(), "There is nothing to undo: this page has changed no verdict. x deletes the verdict on what is chosen.", undone);
}

/** Do again what was undone; say what that is and go there. */
export function redo(app) {
  return travel(app, app.verdicts.redo(), "There is nothing to do again.", ({ kind }) => (kind === "set" ? "Given again" : "Deleted again"));
}

function undone({ kind, unsaved }) {
  if (unsaved) return "Dropped before it was saved";
  return kind === "set" ? "Undone" : "Back again";
}

/** Go where an edit was undone or done again. */
async function travel(app, doing, nothing, name) {
  app.hush();
  const [{ made }, { current, selection }] = [app.verdicts, app];
  let found;
  try {
    found = await doing;
  } catch (error) {
    app.say(error.message, true);
    return;
  }
  if (made !== app.verdicts.made) return; // there is a newer edit, of which this says nothing
  if (!found) { app.say(nothing); return; }
  const { verdict, why } = found;
  if (current === app.current && selection === app.selection) land(app, verdict); // else the reviewer has gone on
  const what = `“${verdict.verdict}” at ${words(app, verdict)}`;
  if (why) app.say(`Left as it is: ${what}, for ${why}.`, true);
  else app.say(`${name(found)}: ${what}${instead(app, found)}`);
}

/** What stands on a place again once the newer verdict there is undone. */
function instead(app, { kind, verdict }) {
  const now = app.verdicts.list.find(({ who, start, stop, lead }) => who === app.info.reviewer && start === verdict.start && stop === verdict.stop && lead === verdict.lead);
  return kind === "set" && now && now.verdict !== verdict.verdict ? `; “${now.verdict}” stands there again` : "";
}

/** Take what a verdict is on as the target, bring it into view and let it flash. */
function land(app, verdict) {
  const { start, stop, lead, window } = verdict;
  const seen = !unseen(app, verdict);
  if (window !== null && window !== undefined && window < app.windows.count) app.choose(window, false);
  else app.select(start, stop, lead);
  if (seen) flash(app, verdict);
  else bring(app);
}
