/** One Bokeh figure of the page: its ranges, ticks and sources. */

/* global Bokeh */

/** A figure that is in the page. */
export class Panel {
  /**
   * Put a figure, as Python wrote it, into an element.
   * @param {number} height in pixels, so that it is laid out once; its own where left out
   */
  static async embed(item, element, height = undefined) {
    if (height) item.doc.roots.find(({ id }) => id === item.root_id).attributes.height = height;
    element.id ||= `figure-${item.root_id}`;
    const views = await Bokeh.embed.embed_item(item, element.id);
    const view = views.roots[0];
    return new Panel(view.model.document, view.model, view, element);
  }

  constructor(document, model, view, element) {
    Object.assign(this, { document, model, view, element });
    this.sources = new Map();
    this.filled = new Map();
    this.x = document.get_model_by_name("x");
    this.y = model.y_range;
    this.axis = document.get_model_by_name("time");
    this.ticks = this.axis.ticker;
    this.labels = new Map();
    // Words for our own ticks, without Bokeh's label models, which it would make and measure at every change.
    this.axis.formatter.doFormat = (ticks) => Array.from(ticks, (tick) => this.labels.get(tick) ?? "");
  }

  source(name) {
    if (!this.sources.has(name)) this.sources.set(name, this.document.get_model_by_name(name));
    return this.sources.get(name);
  }

  /**
   * Fill columns of a source; those not named stay.
   * @param {string} key names what is filled in: the same twice is not filled again
   */
  fill(name, columns, key = undefined) {
    if (key !== undefined && this.filled.get(name) === key) return;
    this.filled.set(name, key);
    const source = this.source(name);
    source.data = { ...Object.fromEntries(source.data instanceof Map ? source.data : Object.entries(source.data)), ...columns };
  }

  /** Show samples from..to with these ticks. */
  show(from, to, { ticks, labels }) {
    this.ticks.ticks = ticks;
    this.labels = labels;
    this.x.setv({ start: from, end: to });
  }

  /** Have the ticks at the left named by a function of all of them. */
  useWords(words) {
    this.document.get_model_by_name("value").formatter.doFormat = (ticks) => words(Array.from(ticks));
  }

  /** Set the height in pixels. */
  resize(height) {
    if (this.model.height !== height) this.model.height = height;
  }
}

/** Return columns of spans of time for `_strips`. */
export function strips(spans) {
  return {
    x0: spans.map((span) => span.from), x1: spans.map((span) => span.to), fill: spans.map((span) => span.colour),
    edge: spans.map((span) => span.edge || span.colour), alpha: spans.map((span) => span.alpha ?? 0.12),
  };
}
