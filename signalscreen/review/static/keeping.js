/** Where the reviewer is: kept in the address and in the browser, so that a page opened again goes on there. */

const LATER = 250; // ms; addresses may be changed only so many times a second

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
    history.replaceState(null, "", `#${text}`);
    try {
      localStorage.setItem(this.key, text);
    } catch {
      // A page inside another may have no storage; the address is enough until it is closed.
    }
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
