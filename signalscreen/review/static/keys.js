/** Keys: what each does is in actions.js, what is said of them here. */

import { help, isOpen } from "./dialogs.js";

/** Every key and its words, in the order of the help. */
export const KEYS = [
  ["n", "next alarm, in this record or the next"], ["p", "previous alarm"], ["j", "next in the list"], ["k", "previous in the list"],
  ["a", "accept"], ["r", "reject"], ["f", "artefact"], ["u", "unsure"], ["l", "relabel, then a digit"], ["m", "note"],
  [", .", "previous record, next record"], ["z", "undo"], ["x", "delete the verdict"], ["g", "go to a time"], ["w", "the current window"], ["o", "the whole recording"],
  ["← →", "a quarter of the view back, on"], ["+ −", "zoom in, out"], ["Home End", "beginning, end"],
  ["[ ]", "signal lower, higher"], ["PgUp PgDn", "more leads"],
  ["v", "select by dragging, on or off"], ["Esc", "forget the selection"], ["s", "export"], ["?", "this help"],
];

const MOUSE = [
  ["wheel", "zoom in time"], ["shift + wheel", "move in time"], ["drag", "move in time"], ["shift + drag", "select a span"],
  ["click", "take the window there, or a verdict in its lane"], ["double click", "show the window there"],
  ["overview", "click or drag to go there"], ["wheel on names", "scroll the leads"],
];

const NAMED = {
  ArrowLeft: "left", ArrowRight: "right", ArrowUp: "up", ArrowDown: "down", "+": "in", "=": "in", "-": "out", "−": "out",
  Home: "home", End: "end", Escape: "forget", PageUp: "pageUp", PageDown: "pageDown",
};

/**
 * Run the action of a key, from the keyboard or a button with data-key.
 * @param {Object<string, Function>} actions
 * @param {(key: string) => boolean} may whether it may run now
 */
export function listen(actions, may) {
  actions["?"] = () => help(KEYS, MOUSE);
  document.addEventListener("keydown", (event) => {
    if (isOpen() || event.ctrlKey || event.metaKey || event.altKey || event.isComposing) return;
    if (event.target.closest?.("input, textarea, select")) return;
    const key = NAMED[event.key] || (event.key.length === 1 ? event.key.toLowerCase() : "");
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
