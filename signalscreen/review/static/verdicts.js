/** Verdicts: those of all reviewers, and edits on their way to the table. An edit that fails stays until it is saved or dropped. */

import { send } from "./http.js";
import { Steps } from "./steps.js";

const EVERY = 15000; // ms between looks for other reviewers' verdicts

/** The verdicts of one record as the page shows them. */
export class Verdicts {
  constructor(info, changed) {
    this.info = info;
    this.changed = changed;
    this.steps = new Steps(info);
    this.saved = [];
    this.edits = []; // {id, kind: "set"|"delete", verdict, state: "saving"|"failed", error}
    this.version = 0;
    this.next = 1;
    this.made = 0; // edits that were not undone or done again, but new
    this.byWindow = new Map();
    this.turn = Promise.resolve(); // edits reach the server in the order in which they were made
  }

  /** All verdicts: what is saved, without what is being deleted, and what is not saved yet. */
  get list() {
    if (this.listed !== this.version) {
      const gone = new Set(this.edits.filter((edit) => edit.kind === "delete" && edit.state === "saving").map((edit) => edit.verdict.id));
      const set = this.edits.filter((edit) => edit.kind === "set" && !gone.has(edit.id));
      const fresh = set.map((edit) => ({ ...edit.verdict, id: edit.id, state: edit.state }));
      // The newest verdict of a reviewer on a span takes the place of an earlier one, as in the table.
      const places = new Map([...this.saved.filter((v) => !gone.has(v.id)), ...fresh].map((v) => [place(v), v]));
      this.all = [...places.values()];
      this.listed = this.version;
    }
    return this.all;
  }

  get failed() {
    return this.edits.filter((edit) => edit.state === "failed");
  }

  get saving() {
    return this.edits.length - this.failed.length;
  }

  bump() {
    this.version++;
    this.changed();
  }

  /** Read the table again. */
  async refresh() {
    const { verdicts } = await send("GET", "api/verdicts", { record: this.info.record });
    if (JSON.stringify(verdicts) === JSON.stringify(this.saved)) return;
    this.saved = verdicts;
    this.bump();
  }

  /** Look for other reviewers' verdicts now and then, while the page is seen. */
  watch() {
    setInterval(() => {
      if (!document.hidden && !this.edits.length) this.refresh().catch(() => {}); // the next edit says it if the server is gone
    }, EVERY);
  }

  /** Set a verdict: {start, stop, lead, window, verdict, label, note}. */
  set(verdict) {
    return this.edit({ kind: "set", verdict: { ...verdict, who: this.info.reviewer } });
  }

  /** Delete a verdict; one that is on its way is deleted when it has arrived. */
  remove(verdict) {
    const failed = this.failed.find((edit) => edit.id === verdict.id);
    return failed ? this.drop(failed) : this.edit({ kind: "delete", verdict });
  }

  edit(edit) {
    this.made++;
    this.steps.undone = [];
    return this.save(this.begin(edit));
  }

  begin(edit) {
    Object.assign(edit, { id: `unsaved-${this.next++}`, state: "saving", error: "" });
    this.edits.push(edit);
    this.bump();
    return edit;
  }

  /** Send an edit, after those before it. Resolves to whether it is saved. */
  save(edit) {
    edit.state = "saving";
    this.turn = this.turn.then(() => this.deliver(edit));
    return this.turn;
  }

  async deliver(edit) {
    const { record } = this.info;
    try {
      if (edit.kind === "set") {
        const { who, ...verdict } = edit.verdict;
        const { verdict: saved } = await send("POST", "api/verdicts", { record }, verdict);
        this.saved = [...this.saved.filter((v) => place(v) !== place(saved)), saved];
        this.steps.did({ kind: "set", edit: saved.id, verdict: saved });
      } else {
        await this.erase(edit.verdict, record);
      }
      this.edits = this.edits.filter((other) => other !== edit);
    } catch (error) {
      [edit.state, edit.error] = ["failed", error.message];
    }
    this.bump();
    return edit.state !== "failed";
  }

  /** Delete a verdict from the table: by now it has the table's own name, or could not be saved. */
  async erase(verdict, record) {
    this.edits = this.edits.filter((other) => other.id !== verdict.id);
    const saved = this.saved.find((v) => v.id === verdict.id) ?? (verdict.state && this.saved.find((v) => place(v) === place(verdict)));
    if (!saved) return;
    const { edit } = await send("DELETE", `api/verdicts/${encodeURIComponent(saved.id)}`, { record });
    this.steps.did({ kind: "delete", edit, verdict: saved });
    this.saved = this.saved.filter((v) => v.id !== saved.id);
  }

  /** Wait for all that is under way. Resolves to whether everything is saved. */
  async delivered() {
    let turn;
    do {
      turn = this.turn;
      await turn;
    } while (turn !== this.turn);
    return !this.edits.length;
  }

  /** Try once more to save what failed, in order. */
  retry() {
    for (const edit of this.failed) this.save(edit);
    this.bump();
    return this.turn;
  }

  /** Give up an edit that was not saved. */
  drop(edit) {
    this.edits = this.edits.filter((other) => other !== edit);
    this.bump();
    return Promise.resolve(true);
  }

  /**
   * Take back this page's last edit: one that was not saved is dropped, else the server undoes. Throws Refused.
   * @returns {Promise<null|{kind: string, verdict: Object, why?: string, unsaved?: boolean}>} what was given or
   *   deleted, and why it is left as it is; null where there is nothing to undo
   */
  undo() {
    const { made } = this;
    return this.inTurn(() => this.takeBack(made));
  }

  /** Do again what was undone last; answers as `undo`. */
  redo() {
    return this.inTurn(() => this.again());
  }

  /** Do something after all edits before it; what is judged next waits, or it might be what is undone. */
  inTurn(task) {
    const done = this.turn.then(task);
    this.turn = done.catch(() => {});
    return done;
  }

  async takeBack(made) {
    const failed = this.failed.pop();
    if (failed) {
      await this.drop(failed);
      return { ...failed, unsaved: true };
    }
    const step = this.steps.last;
    if (!step) return null;
    const { undone, why } = await send("POST", "api/undo", { record: this.info.record }, { edit: step.edit });
    this.steps.drop();
    await this.refresh();
    if (!undone) return { ...step, why };
    if (made === this.made) this.steps.undone.push({ kind: step.kind, verdict: undone, stands: this.standing(undone)?.id });
    return { kind: step.kind, verdict: undone };
  }

  async again() {
    const step = this.steps.undone.pop();
    if (!step) return null;
    await this.refresh();
    const now = this.standing(step.verdict);
    if (now?.id !== step.stands) return { ...step, why: "its span was judged anew since, in another tab or by another program" };
    const { id, when, start_s, stop_s, ...given } = step.verdict;
    await this.deliver(this.begin({ kind: step.kind, verdict: step.kind === "set" ? given : now }));
    return step;
  }

  /** The verdict that is saved on the place of another. */
  standing(verdict) {
    return this.saved.find((v) => place(v) === place(verdict));
  }

  /** Return the newest verdict on a window by this reviewer, or by another: on the window itself, or over its middle. */
  of(windows, row) {
    if (this.indexed !== this.version) this.index(windows);
    return this.byWindow.get(row) || {};
  }

  index(windows) {
    this.byWindow = new Map();
    for (const verdict of this.list) {
      const whose = verdict.who === this.info.reviewer ? "mine" : "other";
      const note = (row) => this.byWindow.set(row, { ...this.byWindow.get(row), [whose]: verdict });
      if (verdict.window !== null && verdict.window !== undefined) { note(verdict.window); continue; }
      const half = windows.length / 2;
      for (let row = windows.firstFrom(verdict.start - half); row < windows.count && windows.start[row] + half < verdict.stop; row++) {
        if (!verdict.lead || !windows.leadName(row) || windows.leadName(row) === verdict.lead) note(row);
      }
    }
    this.indexed = this.version;
  }
}

/** What a verdict is on, and whose it is. */
function place({ who, start, stop, lead }) {
  return JSON.stringify([who, start, stop, lead]);
}
