/** The top of the page: record, method, leads, who reviews, and whether everything is saved. */

import { recordChooser } from "./chooser.js";
import { make } from "./dialogs.js";

/** Build what the header shows of a record. */
export function buildHeader(app) {
  const { info } = app;
  document.getElementById("record").replaceChildren(...recordChooser(app));
  document.getElementById("reviewer").textContent = info.reviewer ? `reviewer ${info.reviewer}` : "";
  const method = document.getElementById("method");
  method.replaceChildren(...info.methods.map(({ name }) => make("option", { value: name, textContent: name.replaceAll("_", " ") })));
  method.value = app.method;
  document.getElementById("method-field").hidden = info.methods.length < 2;
  method.addEventListener("change", () => { app.useMethod(method.value); method.blur(); });
  const leads = document.getElementById("leads");
  leads.hidden = info.leads.length < 2;
  leads.append(...info.leads.map(({ name }, index) => {
    const box = make("input", { type: "checkbox", checked: app.shown.has(index), value: index });
    box.addEventListener("change", () => { if (!app.showLead(index, box.checked)) box.checked = true; box.blur(); });
    return make("label", { title: `show ${name}` }, box, name);
  }));
}

/** Say whether everything is saved; name what is not. */
export function drawSaved(app) {
  const { verdicts } = app;
  const { failed, saving } = verdicts;
  const saved = document.getElementById("saved");
  saved.className = failed.length ? "failed" : saving ? "saving" : "";
  saved.textContent = failed.length ? `${failed.length} not saved` : saving ? "saving …" : "all saved";
  const alert = document.getElementById("unsaved");
  alert.hidden = !failed.length;
  if (!failed.length) return;
  const last = failed[failed.length - 1];
  const what = last.kind === "delete" ? "A verdict could not be deleted" : `The verdict “${last.verdict.verdict}” at ${app.clock.words(last.verdict.start)} is not saved`;
  const full = app.rescue.full ? "This browser cannot keep it until then: keep it as a file. " : "";
  alert.replaceChildren(
    `${what}: ${last.error} ${full}`,
    make("button", { type: "button", textContent: failed.length > 1 ? `Retry all ${failed.length}` : "Retry", onclick: () => verdicts.retry() }),
    make("button", { type: "button", textContent: "Keep as a file", onclick: () => app.rescue.download(verdicts.edits) }),
    make("button", { type: "button", textContent: "Give it up", onclick: () => verdicts.drop(last) }),
  );
}
