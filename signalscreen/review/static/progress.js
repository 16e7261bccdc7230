/** How far the screening is: what nobody has looked at is hatched, and what was screened since is said. */

import { make } from "./dialogs.js";
import { send } from "./http.js";

const OFTEN = 5000; // ms between looks at a store that is being screened
const SELDOM = 30000; // and at one that is finished, which may be screened anew

/** The line above the page and the hatched time. */
export class Progress {
  constructor(app) {
    this.app = app;
    this.now = app.info;
    this.line = make("div", { id: "progress", hidden: true });
    this.line.setAttribute("role", "status");
    document.getElementById("unsaved").after(this.line);
    this.layers = ["overview-part", "signal"].map((id) => {
      const layer = make("div", { className: "unscreened" });
      layer.setAttribute("aria-hidden", "true");
      document.getElementById(id).append(layer);
      return layer;
    });
    this.say();
    this.watch();
  }

  /** Look again and again, while the page is seen. */
  watch() {
    setTimeout(async () => {
      if (!document.hidden) await this.look();
      this.watch();
    }, this.now.done < 1 ? OFTEN : SELDOM);
  }

  /** Ask how far it is. A server that does not answer is said by the next edit. */
  async look() {
    try {
      this.now = await send("GET", "api/progress", { record: this.app.info.record });
      this.say();
    } catch {
      // nothing new is known
    }
  }

  say() {
    const { now, app: { info } } = this;
    const words = [];
    if (now.screening !== info.screening) words.push("This record was screened anew since this page was loaded, and what is shown is the screening before. Reload before you judge.");
    else {
      if (now.done < 1) words.push(`Screened to ${Math.floor(100 * now.done)} %, with ${now.alarms.toLocaleString("en")} ${now.alarms === 1 ? "alarm" : "alarms"} so far. Nothing has looked at the hatched time yet.`);
      if (now.stamp !== info.stamp) words.push(now.done < 1 ? "Reload to see what has come since." : `It is screened to its end now, with ${now.alarms.toLocaleString("en")} ${now.alarms === 1 ? "alarm" : "alarms"}. Reload to see them.`);
    }
    this.line.hidden = !words.length;
    this.line.classList.toggle("other", now.screening !== info.screening);
    if (this.said !== words.join(" ")) {
      this.said = words.join(" ");
      this.line.replaceChildren(this.said, ...(now.stamp === info.stamp ? [] : [make("button", { type: "button", textContent: "Reload", onclick: () => location.reload() })]));
    }
  }

  /** Hatch what this page has nothing of. */
  draw(view) {
    const { info, frame } = this.app;
    const whole = { from: 0, to: info.n };
    for (const [layer, { from, to }] of [[this.layers[0], whole], [this.layers[1], view]]) {
      const seen = info.unscreened.filter(([first, stop]) => first < to && stop > from);
      const key = JSON.stringify([seen, from, to]);
      if (layer.dataset.key === key) continue;
      layer.dataset.key = key;
      Object.assign(layer.style, { left: `${frame[0]}px`, right: `${frame[1]}px` });
      layer.replaceChildren(...seen.map(([first, stop]) => {
        const [left, right] = [Math.max(first, from), Math.min(stop, to)].map((sample) => (100 * (sample - from)) / (to - from));
        const strip = make("i", {});
        Object.assign(strip.style, { left: `${left}%`, width: `${right - left}%` });
        return strip;
      }));
    }
  }
}
