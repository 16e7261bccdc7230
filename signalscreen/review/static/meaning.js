/** What each verdict says, in the words of the model's classes. It is kept with the verdict, and exported. */

/** A class's name; the number of one that has none is said to be one. */
export function className(name) {
  return /^\d+$/.test(name) ? `class ${name}` : name;
}

/**
 * Return what each verdict says of a span, in words.
 * @param {Object} info of the record: its classes, and which raises the alarm
 * @param {boolean} alarmed whether an alarm was raised there
 */
export function meanings({ classes, alarm }, alarmed) {
  return { ...answer(classes, alarm, alarmed), artefact: "the signal is an artefact", unsure: "the reviewer is unsure" };
}

function answer(classes, alarm, alarmed) {
  if (!classes[alarm]) return { accept: "the model is right", reject: "the model is wrong" };
  const raised = line(className(classes[alarm]));
  const other = classes.length === 2 ? line(className(classes[1 - alarm])) : `no ${raised}`;
  return alarmed
    ? { accept: `the alarm is right: ${raised}`, reject: `the alarm is wrong: ${other}` }
    : { accept: `no alarm is right: ${other}`, reject: `an alarm is missing: ${raised}` };
}

/** One line, and not a long one. */
function line(name) {
  const plain = name.replace(/[\p{Cc}\p{Zl}\p{Zp}]/gu, " ");
  return plain.length > 80 ? `${plain.slice(0, 79)}…` : plain;
}

/** Whether an alarm was raised on a target: on its window, or on one whose middle its span covers. */
export function alarmed({ windows }, { start, stop, lead, window }) {
  if (window !== null && window !== undefined) return Boolean(windows.flagged[window]);
  const half = windows.length / 2;
  for (let row = windows.firstFrom(start - half); row < windows.count && windows.start[row] + half < stop; row++) {
    if (windows.flagged[row] && (!lead || !windows.leadName(row) || windows.leadName(row) === lead)) return true;
  }
  return false;
}

/** What a verdict on a target says. */
export function meaningOf(app, target, verdict, label = "") {
  return verdict === "relabel" ? `it is ${line(label)}` : meanings(app.info, alarmed(app, target))[verdict];
}

/** Say on the buttons what they would say of a target. */
export function drawMeanings(app, target) {
  const words = meanings(app.info, target ? alarmed(app, target) : true);
  for (const kind of ["accept", "reject"]) {
    const button = document.querySelector(`#actions .${kind}`);
    button.querySelector("small").textContent = words[kind];
    button.title = words[kind];
  }
}
