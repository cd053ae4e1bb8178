// The banner above the page: one sentence at a time, of all that there is to say the newest.

import { announce } from "../shared/announcer.js";

const BRIEF = 20000; // ms that something that is over by then is told

const notices = new Map(); // what there is to say, by what it is about, the newest last
let passing = null;

export function banner(about, text) {
  if (text && notices.get(about) === text) return; // it is no news
  notices.delete(about);
  if (text) notices.set(about, text);
  const element = document.getElementById("banner");
  const shown = [...notices.values()].at(-1) ?? "";
  if (shown && element.textContent !== shown) announce(shown);
  element.textContent = shown;
  element.hidden = !shown;
}

// What fails a second time is news a second time.
export function bannerBriefly(about, text) {
  clearTimeout(passing);
  banner(about, "");
  banner(about, text);
  passing = setTimeout(() => banner(about, ""), BRIEF);
}
