/** The dialogs: help, going to a time, notes, relabelling, exports. All are the browser's own <dialog>. */

import { address } from "./http.js";

const dialog = () => document.getElementById("dialog");

/** Build an element: tag, properties, children. */
export function make(tag, properties = {}, ...children) {
  const element = Object.assign(document.createElement(tag), properties);
  element.append(...children);
  return element;
}

/** Whether a dialog is open. */
export function isOpen() {
  return dialog().open;
}

function open(title, ...content) {
  const box = dialog();
  const close = make("button", { type: "button", className: "close", textContent: "×", onclick: () => box.close() });
  close.setAttribute("aria-label", "Close");
  box.replaceChildren(make("h2", { id: "dialog-title", textContent: title }), close, ...content);
  if (!box.open) box.showModal();
  return box;
}

/** Show a form with one field; `take` gets its text and returns "" or what is wrong with it. */
function askFor(title, field, label, hint, take, ...more) {
  const wrong = make("p", { className: "wrong", role: "alert" });
  const form = make("form", {}, make("label", {}, label, field), ...more, make("p", { className: "hint", textContent: hint }), wrong,
    make("button", { type: "submit", textContent: "Save" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    wrong.textContent = take(field.value);
    if (!wrong.textContent) dialog().close();
  });
  open(title, form);
  field.focus();
  return form;
}

/** Ask for a time to go to. */
export function goTo(app) {
  const field = make("input", { type: "text", autocomplete: "off", value: app.clock.words((app.view.from + app.view.to) / 2) });
  const hint = app.clock.ofDay ? "time of day, such as 10:15 or +1d 03:00:00; or seconds from the beginning, such as 75" : "h:mm:ss, m:ss, or seconds, such as 75";
  const form = askFor("Go to a time", field, "Time ", hint, (text) => {
    const sample = app.clock.read(text);
    if (!(sample >= 0 && sample < app.info.n)) {
      return `“${text}” is not a time of this recording; give one from ${app.clock.words(0)} to ${app.clock.words(app.info.n)}.`;
    }
    const span = app.view.span > 0.98 * app.info.n ? Math.min(app.info.n, 10 * app.info.fs) : app.view.span;
    app.view.show(sample - span / 2, sample + span / 2);
    return "";
  });
  form.querySelector("[type=submit]").textContent = "Go";
  field.select();
}

/** Ask for a note; Enter saves, shift-Enter begins a line, Esc leaves. */
export function note(app, given, words, save) {
  const field = make("textarea", { rows: 5, value: given.note || "", spellcheck: true });
  const kinds = make("select", {}, ...app.info.verdicts.filter((kind) => kind !== "relabel" || given.verdict === "relabel")
    .map((kind) => make("option", { value: kind, textContent: [kind, words[kind]].filter(Boolean).join(": "), selected: kind === (given.verdict || "unsure") })));
  askFor("Note", field, "Note ", "Enter saves, Shift+Enter begins a new line, Esc leaves", (text) => {
    save(text, kinds.value);
    return "";
  }, make("label", {}, "Verdict ", kinds));
  field.addEventListener("keydown", (event) => {
    if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
    event.preventDefault();
    field.form.requestSubmit();
  });
}

/** Ask for one of the model's classes, for which there are digits, or for a label of the reviewer's own. */
export function relabel(app, choose) {
  const { classes } = app.info;
  const used = [...new Set(app.verdicts.list.map(({ label }) => label).filter(Boolean))].filter((label) => !classes.includes(label)).sort();
  const take = (name) => { dialog().close(); choose(name); };
  const button = (name, i) => make("button", { type: "button", onclick: () => take(name) }, name, ...(i < 9 ? [" ", make("kbd", { textContent: String(i + 1) })] : []));
  const buttons = [...classes, ...used].map(button);
  const own = make("input", { type: "text", autocomplete: "off", maxLength: 200 });
  const form = make("form", {}, make("label", {}, "A label of your own ", own), make("button", { type: "submit", textContent: "Save" }));
  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (own.value.trim()) take(own.value.trim());
    else own.focus();
  });
  const from = classes.length ? "the model's classes" : "the model names no classes";
  const box = open("Relabel as", make("div", { className: "choices" }, ...buttons),
    make("p", { className: "hint", textContent: `${from}${used.length ? ", then labels given before" : ""}${buttons.length ? "; press a digit or choose" : ""}` }), form);
  const digits = (event) => {
    const button = event.target !== own && buttons[Number(event.key) - 1];
    if (!button || event.ctrlKey || event.metaKey || event.altKey) return;
    event.preventDefault();
    button.click();
  };
  box.addEventListener("keydown", digits);
  box.addEventListener("close", () => box.removeEventListener("keydown", digits), { once: true });
  (buttons[0] ?? own).focus();
}

/** Offer the exports; each is written into the store's folder, then linked. */
export function exports(app, send) {
  const result = make("p", { role: "status" });
  const kinds = [["wfdb", "WFDB annotation"], ["csv", "CSV, all columns"], ["mne", "MNE annotations"]];
  const run = async (format, words) => {
    result.textContent = `Writing ${words} …`;
    try {
      const { name, names = [name], count } = await send("POST", "api/export", { record: app.info.record }, { format });
      const links = names.map((file) => make("a", {
        href: address(`api/export/${encodeURIComponent(file)}`, { record: app.info.record }), download: file, textContent: file,
      }));
      result.replaceChildren(`${count} ${count === 1 ? "verdict" : "verdicts"} written to exports/ in the store: `, ...links.flatMap((link) => [link, " "]));
    } catch (error) {
      result.textContent = error.message;
      result.className = "wrong";
    }
  };
  const unsaved = app.verdicts.failed.length;
  open(app.records.several ? `Export verdicts of record ${app.info.record}` : "Export verdicts", make("div", { className: "choices" }, ...kinds.map(([format, words], i) => make("button", {
    type: "button", autofocus: i === 0, onclick: () => run(format, words), value: format,
  }, words))), ...(unsaved ? [make("p", { className: "wrong", textContent: `${unsaved} not saved, and so not in the file.` })] : []), result);
}

/** Show all keys. */
export function help(keys, gestures) {
  const table = (rows) => make("table", {}, ...rows.map(([key, words]) => make("tr", {}, make("th", { scope: "row" }, make("kbd", { textContent: key })), make("td", { textContent: words }))));
  const half = Math.ceil(keys.length / 2);
  open("Keys and mouse", make("div", { className: "columns" }, table(keys.slice(0, half)), table(keys.slice(half)), table(gestures)));
}
