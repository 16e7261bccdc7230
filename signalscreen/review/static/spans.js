/** Spans selected by the keyboard: shift with an arrow moves the end, or goes to another lead. */

const STEPS = 50; // in a view

/** The span that is being selected, in the lead that it belongs to. */
export class Spans {
  constructor(app) {
    this.app = app;
  }

  /** Move the end of the selection; the first step begins one in the middle of the view. */
  extend(step) {
    const { app } = this;
    const { view } = app;
    const { anchor, end } = this.edges() ?? this.begin();
    const to = Math.max(0, Math.min(app.info.n, end + step * Math.max(1, view.span / STEPS)));
    this.lead = app.selection ? app.selection.lead : this.lead;
    app.select(anchor, to, this.lead);
    this.made = app.selection && { selection: app.selection, anchor, end: to };
    if (to < view.from || to > view.to) view.pan(to < view.from ? -0.25 : 0.25);
  }

  /** The lead before or after, all leads first. */
  turn(step) {
    const { app } = this;
    if (!app.selection) { app.say("Select a span first: shift with an arrow to the left or right."); return; }
    const names = ["", ...app.stack.shown().map((lead) => app.info.leads[lead].name)];
    const at = Math.max(0, Math.min(names.length - 1, names.indexOf(app.selection.lead) + step));
    const { start, stop } = app.selection;
    const edges = this.edges();
    app.select(start, stop, names[at]);
    this.made = { ...edges, selection: app.selection };
    app.stack.reveal(app.stack.shown()[at - 1]);
  }

  begin() {
    const { app } = this;
    const { from, to } = app.view;
    this.lead = app.target()?.lead ?? "";
    return { anchor: (from + to) / 2, end: (from + to) / 2 };
  }

  /** Anchor and end of the selection, by whatever it was made; null where there is none. */
  edges() {
    const { selection } = this.app;
    if (!selection) return null;
    return this.made?.selection === selection ? this.made : { anchor: selection.start, end: selection.stop };
  }
}
