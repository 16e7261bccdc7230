/** Keys: what each does is in actions.js, what is said of them here. */

import { help, isOpen } from "./dialogs.js";
import { meanings } from "./meaning.js";

/** Every key and its words, in the order of the help. */
const keys = (accept, reject) => [
  ["n", "next alarm, in this record or the next"], ["p", "previous alarm"], ["j", "next in the list"], ["k", "previous in the list"],
  ["a", `accept: ${accept}`], ["r", `reject: ${reject}`], ["f", "artefact"], ["u", "unsure"], ["l", "relabel: a class of the model's, or a label of your own"], ["m", "note"],
  [", .", "previous record, next record"], ["z", "undo what this page did last, and go there; also Ctrl+Z"], ["⇧Z", "do it again; also Ctrl+Shift+Z, Ctrl+Y"], ["x", "delete the verdict"], ["g", "go to a time"], ["w", "back to what a verdict would be on"], ["o", "the whole recording"],
  ["← →", "a quarter of the view back, on"], ["+ −", "zoom in, out"], ["Home End", "beginning, end"],
  ["⇧← ⇧→", "select a span from the middle of the view, move its end"], ["⇧↑ ⇧↓", "the selected span on all leads, on one lead"],
  ["[ ]", "signal lower, higher"], ["PgUp PgDn", "more leads"],
  ["v", "select by dragging, on or off"], ["Esc", "forget the selection"], ["s", "export"], ["?", "this help"],
];

const MOUSE = [
  ["wheel", "zoom in time"], ["shift + wheel", "move in time"], ["drag", "move in time"], ["shift + drag", "select a span of the lead; in the lane above, of all leads"],
  ["two fingers", "zoom in time; on a trackpad, too"],
  ["click", "take the window there, or a verdict in its lane"], ["double click", "show the window there"],
  ["overview", "click or drag to go there"], ["wheel on names", "scroll the leads"],
];

const NAMED = {
  ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", "+": "in", "=": "in", "-": "out", "−": "out",
  Home: "home", End: "end", Escape: "forget", PageUp: "pageUp", PageDown: "pageDown",
};

const SHIFTED = { ArrowLeft: "spanLeft", ArrowRight: "spanRight", ArrowUp: "spanUp", ArrowDown: "spanDown", z: "redo" };

/** What a key event names among the actions; "" where it is the browser's. */
function nameOf(event) {
  if (event.altKey || event.isComposing) return "";
  const key = event.key.length === 1 ? event.key.toLowerCase() : event.key;
  if (event.ctrlKey || event.metaKey) return { z: event.shiftKey ? "redo" : "z", y: event.shiftKey ? "" : "redo" }[key] || "";
  return (event.shiftKey && SHIFTED[key]) || NAMED[key] || (key.length === 1 ? key : "");
}

/** Every key and its words, of a record: what is accepted or rejected is said in the words of its classes. */
export function keysOf(info) {
  const [there, absent] = [meanings(info, true), meanings(info, false)];
  const both = (kind) => (there[kind] === absent[kind] ? there[kind] : `${there[kind]}; where there is none, ${absent[kind]}`);
  return keys(both("accept"), both("reject"));
}

/**
 * Run the action of a key, from the keyboard or a button with data-key.
 * @param {Object<string, Function>} actions
 * @param {(key: string) => boolean} may whether it may run now
 * @param {Object} info of the record
 */
export function listen(actions, may, info) {
  actions["?"] = () => help(keysOf(info), MOUSE);
  document.addEventListener("keydown", (event) => {
    if (isOpen() || event.target.closest?.("input, textarea, select")) return;
    const key = nameOf(event);
    const action = actions[key];
    if (!action) return;
    event.preventDefault();
    if (event.repeat && !["j", "k", "n", "p", "ArrowLeft", "ArrowRight", "ArrowUp", "ArrowDown", "+", "-", "="].includes(event.key)) return;
    if (may(key)) action(event);
  });
  for (const button of document.querySelectorAll("[data-key]")) {
    button.addEventListener("click", (event) => { if (may(button.dataset.key)) actions[button.dataset.key](event); });
  }
}
