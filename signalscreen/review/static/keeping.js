/** Where the reviewer is: kept in the address, its history and the browser, so that Back and a page opened again go there. */

const LATER = 250; // ms; addresses may be changed only so many times a second
const REST = 1000; // ms: a view that stood so long is a place to come back to
const FAR = 4; // times wider or narrower: another place

/** Position of one record. */
export class Keeping {
  constructor(app) {
    this.app = app;
    this.key = `signalscreen/${app.info.fingerprint || app.info.source}/${app.info.record}`;
  }

  /** Write the position down, soon. */
  save() {
    clearTimeout(this.timer);
    this.timer = setTimeout(() => this.write(), LATER);
  }

  write() {
    const { app } = this;
    clearTimeout(this.timer);
    const place = {
      from: Math.round(app.view.from), to: Math.round(app.view.to), window: app.current, ...this.taste(), hidden: app.info.leads.map((_, i) => i).filter((i) => !app.shown.has(i)).join("."),
    };
    const text = new URLSearchParams(place).toString();
    this.note(text, place);
    try {
      localStorage.setItem(this.key, text);
    } catch {
      // A page inside another may have no storage; the address is enough until it is closed.
    }
  }

  /** Put a place into the history: a new entry after a jump, or where the view before it had come to rest. */
  note(text, { from, to, window }) {
    const now = performance.now();
    const before = this.view;
    const moved = before && (from !== before.from || to !== before.to || window !== before.window);
    if (moved && this.app.ready && (now - this.at > REST || far(before, { from, to }))) history.pushState(null, "", `#${text}`);
    else history.replaceState(null, "", `#${text}`);
    if (moved || !before) [this.view, this.at] = [{ from, to, window }, now];
  }

  /** Go where Back and Forward lead. */
  travel() {
    addEventListener("popstate", () => {
      const { app } = this;
      const { from, to, window } = this.read() ?? {};
      if (!(to > from)) return;
      clearTimeout(this.timer);
      if (window !== app.current && window >= 0 && window < app.windows.count) app.choose(window, false);
      app.view.show(from, to);
      app.stack.reveal(app.windows.lead[app.current]);
      [this.view, this.at] = [{ from, to, window: app.current }, performance.now()];
    });
  }

  /** What the reviewer has chosen for every record, and takes along to the next. */
  taste() {
    const { list, method } = this.app;
    return { sort: list.sort, filter: list.filter, method };
  }

  /** Return the position to go on from: of the address, else of the browser; null at the first visit. */
  read() {
    const address = Object.fromEntries(new URLSearchParams(location.hash.slice(1)));
    const given = "window" in address ? address : { ...this.kept(), ...address };
    if (!Object.keys(given).length) return null;
    const [from, to, window] = [given.from, given.to, given.window].map(Number);
    return { ...given, from, to, window, hidden: (given.hidden || "").split(".").filter(Boolean).map(Number) };
  }

  kept() {
    try {
      return Object.fromEntries(new URLSearchParams(localStorage.getItem(this.key) || ""));
    } catch {
      return {}; // as above
    }
  }
}

/** Whether a view is another place, not the one before moved or zoomed a little. */
function far(before, { from, to }) {
  const shared = Math.min(to, before.to) - Math.max(from, before.from);
  const zoom = (to - from) / (before.to - before.from);
  return shared <= 0 || zoom > FAR || zoom < 1 / FAR;
}
