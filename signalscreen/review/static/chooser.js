/** The chooser of records in the header: those with open alarms first, and how many each has. */

import { make } from "./dialogs.js";

const GROUPS = ["Open alarms", "All alarms reviewed", "No alarms", "Damaged", "Not counted yet"];

/** Build it for the records of an app; of a store of one record, only its name. */
export function recordChooser(app) {
  const { info, records } = app;
  if (!records.several) return [make("b", { textContent: info.record || info.source })];
  const select = make("select", { title: "those with open alarms come first" });
  const tally = make("output", { id: "tally" });
  let [complete, stale] = [false, true]; // whether the options were made of all counts, and lately
  const fill = () => {
    if (!stale) return;
    select.replaceChildren(...groups(records));
    select.value = info.record;
    stale = false;
  };
  const draw = () => {
    tally.textContent = summary(records);
    tally.title = `record ${records.at + 1} of ${records.names.length}`;
    select.selectedOptions[0].textContent = entry(records, records.at);
    stale = true;
    if (complete || records.left || document.activeElement === select) return; // that is, it may be open
    complete = true;
    fill();
  };
  // Thousands of options take a moment: they are made anew before they are seen, not at every verdict.
  select.addEventListener("pointerdown", fill);
  select.addEventListener("focus", fill);
  select.addEventListener("change", () => {
    const name = select.value;
    select.value = info.record;
    select.blur();
    records.go(name);
  });
  records.changed = draw;
  fill();
  draw();
  return [make("label", {}, "Record ", select), step(",", "◀", "previous record"), step(".", "▶", "next record"), tally];
}

function step(key, text, title) {
  const button = make("button", { type: "button", textContent: text, title: `${title} (${key})` });
  button.dataset.key = key;
  button.setAttribute("aria-label", title);
  return button;
}

function groups(records) {
  const kinds = GROUPS.map(() => []);
  records.names.forEach((name, i) => kinds[kind(records, i)].push(make("option", { value: name, textContent: entry(records, i) })));
  return kinds.flatMap((options, k) => {
    if (!options.length) return [];
    const words = `${GROUPS[k]} (${count(options.length, "record")})`;
    return [make("optgroup", { label: words }, ...options)];
  });
}

function kind({ alarms, open, wrong }, i) {
  if (alarms[i] === null) return 4;
  if (wrong[i]) return 3;
  return open[i] ? 0 : alarms[i] ? 1 : 2;
}

/** What the chooser says of a record. */
export function entry({ names, windows, alarms, open, done, wrong }, i) {
  if (alarms[i] === null) return names[i];
  if (wrong[i]) return `${names[i]} · damaged`;
  const share = done[i] < 1 ? ` · ${Math.floor(100 * done[i])} % screened` : "";
  if (!windows[i]) return `${names[i]} · no windows${share}`;
  return `${names[i]} · ${words(alarms[i], open[i])}${share}`;
}

function words(alarms, open) {
  if (!alarms) return "no alarms";
  if (!open) return `${alarms.toLocaleString("en")} reviewed`;
  return open < alarms ? `${open.toLocaleString("en")} of ${alarms.toLocaleString("en")} open` : `${count(alarms, "open alarm")}`;
}

/** What is left to do in the whole database. */
function summary(records) {
  const { names, open, left } = records;
  if (left) return `counted ${(names.length - left).toLocaleString("en")} of ${names.length.toLocaleString("en")} …`;
  const [alarms, within] = [open.reduce((a, b) => a + b, 0), open.filter((one) => one > 0).length];
  return alarms ? `${count(alarms, "open alarm")} in ${count(within, "record")}` : "no open alarms";
}

function count(n, what) {
  return `${n.toLocaleString("en")} ${what}${n === 1 ? "" : "s"}`;
}
