/** What a page before this one could not save is offered again. */

import { make } from "./dialogs.js";

const SOON = 1000; // ms: an edit of another tab that is just being saved is none that was lost

/** The line that offers edits, and the button that takes them from a file. */
export class Offer {
  constructor(app) {
    this.app = app;
    this.line = make("div", { id: "offered", hidden: true });
    this.line.setAttribute("role", "alert");
    document.getElementById("unsaved").after(this.line);
    const input = make("input", { type: "file", accept: ".json,application/json", hidden: true });
    input.addEventListener("change", () => { this.open(input.files[0]); input.value = ""; });
    const button = make("button", { id: "restore", type: "button", textContent: "Restore", title: "Take edits that could not be saved from a file", onclick: () => input.click() });
    document.getElementById("tools").append(button, input);
    setTimeout(() => this.look(), SOON);
  }

  /** Offer what the browser has kept. */
  look() {
    const { edits, keys } = this.app.rescue.left();
    if (edits.length) this.show(edits, keys, "are kept in this browser");
  }

  /** Offer what a file holds. */
  async open(file) {
    try {
      const edits = this.app.rescue.read(await file.text());
      if (edits.length) this.show(edits, [], `are in ${file.name}`);
      else this.app.say(`There is no edit in ${file.name}.`);
    } catch (error) {
      this.app.say(error.message, true);
    }
  }

  show(edits, keys, where) {
    const { app } = this;
    const at = new Date(edits.at(-1).made).toLocaleString();
    const told = edits.slice(0, 4).map(({ kind, verdict }) => `${kind === "delete" ? "delete " : ""}${verdict.label || verdict.verdict} at ${app.clock.words(verdict.start)}`);
    const more = edits.length > told.length ? `, and ${edits.length - told.length} more` : "";
    const count = edits.length === 1 ? "1 edit that was not saved" : `${edits.length} edits that were not saved`;
    const button = (textContent, act) => make("button", { type: "button", textContent, onclick: act });
    this.line.hidden = false;
    this.line.replaceChildren(
      `${count} (the last of ${at}) ${where}: ${told.join(", ")}${more}.`,
      button("Save now", () => this.take(edits, keys)),
      button("Keep as a file", () => app.rescue.download(edits)),
      button("Give up", () => this.end(keys)),
    );
  }

  /** Make the edits again, in order; those that something newer stands for are left out. */
  async take(edits, keys) {
    const { verdicts } = this.app;
    await verdicts.refresh().catch(() => {}); // a server that is gone says so at the first edit
    let older = 0;
    for (const edit of edits) {
      const standing = verdicts.list.find((v) => v.who === this.app.info.reviewer && same(v, edit.verdict));
      if (edit.kind === "delete" ? standing?.id !== edit.verdict.id : standing?.when > edit.made) older++;
      else if (edit.kind === "delete") verdicts.remove(standing);
      else verdicts.set(edit.verdict);
    }
    this.end(keys); // by now this page keeps them itself
    await verdicts.delivered();
    if (older) this.app.say(`${older} of ${edits.length} edits ${older === 1 ? "is" : "are"} left out: something newer stands there.`);
  }

  end(keys) {
    this.app.rescue.forget(keys);
    this.line.hidden = true;
  }
}

/** Whether two verdicts of one reviewer are on the same place. */
function same(a, b) {
  return a.start === b.start && a.stop === b.stop && (a.lead || "") === (b.lead || "");
}
