/** What this page has done, so that it undoes and repeats its own edits only. A tab keeps it while it is reloaded. */

const MOST = 300;

/** The edits of this tab on one record, newest last. */
export class Steps {
  constructor({ fingerprint, source, record, reviewer }) {
    this.key = `signalscreen/steps/${fingerprint || source}/${record}/${reviewer}`;
    this.done = kept(this.key); // {kind: "set"|"delete", edit: id in the table, verdict}
    this.undone = []; // what may be done again, newest last
  }

  /** An edit has reached the table. */
  did(step) {
    this.done = [...this.done, step].slice(-MOST);
    this.keep();
  }

  /** The newest edit, undefined where there is none. */
  get last() {
    return this.done.at(-1);
  }

  /** The newest edit is no more: undone, or not to be undone. */
  drop() {
    this.done = this.done.slice(0, -1);
    this.keep();
  }

  keep() {
    const light = this.done.map(({ verdict, ...step }) => ({ ...step, verdict: { ...verdict, note: "" } }));
    try {
      sessionStorage.setItem(this.key, JSON.stringify(light));
    } catch {
      // A page inside another may have no storage; then a reload forgets.
    }
  }
}

function kept(key) {
  try {
    const found = JSON.parse(sessionStorage.getItem(key) || "[]");
    return Array.isArray(found) ? found : [];
  } catch {
    return []; // as above
  }
}
