// The banner above the page: one sentence at a time, of all that there is to say the newest.

import { announce } from "../shared/announcer.js";

const notices = new Map(); // what there is to say, by what it is about

export function banner(about, text) {
  text ? notices.set(about, text) : notices.delete(about);
  const element = document.getElementById("banner");
  const shown = [...notices.values()].at(-1) ?? "";
  if (shown && element.textContent !== shown) announce(shown);
  element.textContent = shown;
  element.hidden = !shown;
}
