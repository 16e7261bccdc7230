/** The records of a database: how many alarms each has, and the way from one to another. */

import { ask, send } from "./http.js";

const SOON = 700; // ms of rest before the next record is made ready

/** All records, in the order of the database; what is not counted yet is null. */
export class Records {
  constructor(app) {
    this.app = app;
    this.names = app.info.records || [];
    this.at = this.names.indexOf(app.info.record);
    this.several = this.names.length > 1;
    for (const name of ["windows", "alarms", "open", "done", "wrong"]) this[name] = this.names.map(() => null);
    this.changed = () => {};
    this.leaving = ""; // the record that is being gone to
    this.going = false; // the browser has been told so, and asks for its page
    this.search = 0;
  }

  /** How many records are not counted yet. */
  get left() {
    return this.several ? this.alarms.filter((alarms) => alarms === null).length : 0;
  }

  /** Count: the server does so for a moment at each request, from the current record outwards. */
  load() {
    this.loading ??= this.poll().finally(() => { this.loading = null; });
    return this.loading;
  }

  async poll() {
    do {
      this.answer = send("GET", "api/records", { record: this.app.info.record });
      this.take(await this.answer);
    } while (this.left);
  }

  take(counts) {
    Object.assign(this, counts);
    this.own();
    this.changed();
    this.prepare();
  }

  /** The current record's counts are those of the page, which knows its own verdicts first. Returns whether they are new. */
  own() {
    const { info, list, windows } = this.app;
    const own = { windows: windows.count, alarms: list.flagged, open: list.flagged - list.reviewed, done: info.done, wrong: "" };
    const before = this.open[this.at];
    for (const [name, value] of Object.entries(own)) this[name][this.at] = value;
    return own.open !== before;
  }

  /** The list was counted anew. */
  recounted() {
    if (this.several && this.own()) this.changed();
  }

  /** Wait until a record is counted. */
  async counted(i) {
    while (this.alarms[i] === null) {
      const all = this.load();
      await Promise.race([this.answer, all]);
    }
  }

  /** Whether the next alarm may be in a record: one that is not reviewed, where the list shows only those. */
  hasAlarm(i) {
    return !this.wrong[i] && (this.app.list.shrinks ? this.open : this.alarms)[i] > 0;
  }

  /** Return the nearest record before or after the current one that is wanted, -1 where there is none, null if given up. */
  async nearest(step, wanted) {
    const search = ++this.search;
    for (let i = this.at + step; i >= 0 && i < this.names.length; i += step) {
      await this.counted(i);
      if (search !== this.search) return null;
      if (wanted(i)) return i;
    }
    return -1;
  }

  /** Go to the next record (1) or the previous one (-1), whatever is in it; a damaged one is passed over. */
  step(step) {
    return this.find(step, (i) => !this.wrong[i], "record", "", () => `This is the ${step > 0 ? "last" : "first"} record of the database.`);
  }

  /** Go to the next or previous record with an alarm, and there to its first or last. */
  toAlarm(step) {
    return this.find(step, (i) => this.hasAlarm(i), "record with alarms", step > 0 ? "first" : "last", () => this.none(step));
  }

  async find(step, wanted, what, arrive, none) {
    if (this.leaving) return;
    const way = step > 0 ? "Next" : "Previous";
    if (!this.several) { this.app.say("This is the only record of the store."); return; }
    if (this.left) this.app.say(`Looking for the ${way.toLowerCase()} ${what} …`);
    try {
      const found = await this.nearest(step, wanted);
      if (found === null) return;
      if (found < 0) this.app.say(none());
      else await this.go(this.names[found], { arrive, way });
    } catch (error) {
      this.app.say(error.message, true);
    }
  }

  /** Say that no record that way has an alarm, and where there are some. */
  none(step) {
    const what = this.app.list.shrinks ? "an alarm that you have not reviewed" : "an alarm";
    const others = this.left ? 0 : this.names.filter((_, i) => (i - this.at) * step < 0 && this.hasAlarm(i)).length;
    const [where, that, other, key] = step > 0 ? ["after", "later", "earlier", "p"] : ["before", "earlier", "later", "n"];
    const rest = others ? ` ${others.toLocaleString("en")} ${other} ${others === 1 ? "has one" : "have some"} (${key}).` : "";
    return `No alarm ${where} this one, and no ${that} record has ${what}.${rest}`;
  }

  /**
   * Go to a record once every edit is saved; where that cannot be, say why and stay.
   * @param {string} name
   * @param {"first"|"last"|""} arrive at an alarm, or where the reviewer was
   * @param {string} way "Next" or "Previous", to be said there
   * @returns {Promise<boolean>} whether it is gone to
   */
  async go(name, { arrive = "", way = "" } = {}) {
    const search = ++this.search;
    const { app } = this;
    this.leave(name);
    app.say(`${app.verdicts.saving ? "Saving, then to record" : "Going to record"} ${name} …`);
    let wrong = "";
    if (!(await app.verdicts.delivered())) wrong = `Record ${name} is not opened: what is not saved would be lost. Retry, or give it up.`;
    else if (search === this.search) await ask("api/info", { record: name }).catch((error) => { wrong = error.message; });
    if (search !== this.search) return false;
    if (wrong) { this.stay(); app.say(wrong, true); return false; }
    app.keeping.write();
    this.going = true;
    location.href = `?${new URLSearchParams({ record: name })}#${new URLSearchParams({ ...app.keeping.taste(), arrive, way })}`;
    return true;
  }

  /** The page is left: what is pressed from now on is not meant for what it shows. */
  leave(name) {
    this.leaving = name;
    document.body.classList.toggle("leaving", Boolean(name));
  }

  /** Give up a search, or going to another record. */
  stay() {
    this.search++;
    if (!this.leaving) return;
    if (this.going) stop(); // else the other page would come all the same
    this.going = false;
    this.leave("");
    this.changed();
  }

  /** Where `n` would leave the record, have the server make the next one ready meanwhile. */
  prepare() {
    clearTimeout(this.preparing);
    this.preparing = setTimeout(() => {
      if (!this.several || this.app.list.nextAlarm(1) >= 0) return;
      const next = this.names.findIndex((_, i) => i > this.at && (this.alarms[i] === null || this.hasAlarm(i)));
      if (next < 0 || this.alarms[next] === null || next === this.prepared) return;
      this.prepared = next;
      ask(location.pathname, { record: this.names[next] }, { method: "HEAD" }).catch(() => {}); // going there will say it
    }, SOON);
  }
}
