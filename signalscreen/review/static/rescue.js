/** Edits that are not saved, kept in the browser until they are, under the store's identity; also as a file. */

const KIND = "signalscreen unsaved edits";
const PREFIX = "signalscreen/unsaved/";
const ROOM = 1 << 20; // characters that one page keeps
const OLD = 30 * 86400e3; // ms after which what nobody came back for is dropped
const GIVEN = ["start", "stop", "lead", "window", "verdict", "label", "note", "id"];

/** What one page keeps, and what pages before it have left. No address is in it, and so no token. */
export class Rescue {
  constructor({ identity, record, reviewer, verdicts, n }) {
    Object.assign(this, { verdicts, n });
    this.about = { kind: KIND, identity, record, reviewer };
    this.place = `${PREFIX}${identity}/${encodeURIComponent(reviewer)}/`;
    this.key = this.place + crypto.randomUUID();
    this.full = false; // the browser cannot keep what is there
  }

  /** Keep these edits, in place of those before. */
  keep(edits) {
    try {
      const text = edits.length ? this.text(edits) : "";
      this.full = text.length > ROOM;
      if (text && !this.full) localStorage.setItem(this.key, text);
      else localStorage.removeItem(this.key);
    } catch {
      this.full = edits.length > 0; // no storage, as a page inside another may have none, or no room in it
    }
  }

  /** Edits as a file holds them. */
  text(edits) {
    return JSON.stringify({ ...this.about, edits: edits.map(plain) });
  }

  /** Give a file of edits to the reviewer. */
  download(edits) {
    const file = URL.createObjectURL(new Blob([this.text(edits)], { type: "application/json" }));
    const name = `${this.about.record.replace(/[^A-Za-z0-9_-]+/g, "_").slice(-60)}_unsaved.json`;
    Object.assign(document.createElement("a"), { href: file, download: name }).click();
    setTimeout(() => URL.revokeObjectURL(file), 60000);
  }

  /** Return edits of pages before this one, oldest first, and the keys they lie under. */
  left() {
    const [edits, keys] = [[], []];
    try {
      this.clear();
      for (const key of Object.keys(localStorage)) {
        if (!key.startsWith(this.place) || key === this.key) continue;
        try {
          edits.push(...this.read(localStorage.getItem(key)));
          keys.push(key);
        } catch {
          localStorage.removeItem(key); // it is not ours, or torn
        }
      }
    } catch {
      // no storage
    }
    return { edits: edits.sort(byTime), keys };
  }

  /** Forget what lies under keys. */
  forget(keys) {
    for (const key of keys) localStorage.removeItem(key);
  }

  /** Drop what is older than a month, of all stores. */
  clear() {
    for (const key of Object.keys(localStorage)) {
      if (!key.startsWith(PREFIX)) continue;
      let newest = 0;
      try {
        newest = Math.max(...JSON.parse(localStorage.getItem(key)).edits.map(({ made }) => Date.parse(made)));
      } catch {
        // torn
      }
      if (!(Date.now() - newest < OLD)) localStorage.removeItem(key);
    }
  }

  /**
   * Return the edits of a text that `text` made, oldest first.
   * @throws {Error} with a sentence, where it is of another record, store or reviewer, or no such text
   */
  read(text) {
    let found = null;
    try {
      found = JSON.parse(text);
    } catch {
      // said below
    }
    if (found?.kind !== KIND || !Array.isArray(found.edits)) throw new Error("This file holds no edits of a review; give one that “Keep as a file” made.");
    if (found.record !== this.about.record) throw new Error(`These edits are of record ${found.record}; open that one first.`);
    if (found.identity !== this.about.identity) throw new Error("These edits are of another screening of this record, whose windows are others; give them again.");
    if (found.reviewer !== this.about.reviewer) throw new Error(`These edits are ${found.reviewer}'s; start the review with --reviewer ${found.reviewer}.`);
    return found.edits.filter((edit) => this.possible(edit)).map(plain).sort(byTime);
  }

  /** Whether an edit may be one of ours: a file may hold anything. */
  possible(edit) {
    const { verdict, start, stop } = edit?.verdict || {};
    const span = Number.isInteger(start) && Number.isInteger(stop) && 0 <= start && start < stop && stop <= this.n;
    return ["set", "delete"].includes(edit?.kind) && this.verdicts.includes(verdict) && span && Date.parse(edit.made) > 0;
  }
}

/** What is kept of an edit: what the reviewer did, and when. */
function plain(edit) {
  edit.made ??= new Date().toISOString();
  const verdict = Object.fromEntries(GIVEN.filter((name) => name in edit.verdict).map((name) => [name, edit.verdict[name]]));
  return { kind: edit.kind, made: edit.made, verdict };
}

function byTime(a, b) {
  return a.made < b.made ? -1 : a.made > b.made ? 1 : 0;
}
