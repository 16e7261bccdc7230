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
    const place = {
      from: Math.round(app.view.from), to: Math.round(app.view.to), window: app.current, sort: app.list.sort,
      filter: app.list.filter, method: app.method, hidden: app.info.leads.map((_, i) => i).filter((i) => !app.shown.has(i)).join("."),
    };
    const text = new URLSearchParams(place).toString();
    history.replaceState(null, "", `#${text}`);
    try {
      localStorage.setItem(this.key, text);
    } catch {
      // A page inside another may have no storage; the address is enough until it is closed.
    }
  }

  /** Return the position to go on from: of the address, of the browser, or null at the first visit. */
  read() {
    let text = location.hash.slice(1);
    try {
      text ||= localStorage.getItem(this.key) || "";
    } catch {
      // as above
    }
    if (!text) return null;
    const given = Object.fromEntries(new URLSearchParams(text));
    const [from, to, window] = [given.from, given.to, given.window].map(Number);
    return { ...given, from, to, window, hidden: (given.hidden || "").split(".").filter(Boolean).map(Number) };
  }
}
