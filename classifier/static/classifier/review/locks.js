// Locks: what is held is renewed while somebody is there, and given up when they leave.

import { csrf } from "../shared/requests.js";
import { texts } from "../shared/texts.js";
import { deal, nextPage } from "./dealing.js";
import { by, grid } from "./elements.js";
import { service } from "./service.js";
import { reserve, state, undoable } from "./state.js";

const LOCKED = texts.lockSeconds * 1000;

export const paused = () => !by("paused").hidden;

function held() {
  return [...reserve, ...state.shown.filter((tile) => !tile.said).map((tile) => tile.item)].map((item) => item.image);
}

function giveUp() {
  if (Date.now() - service.contact < LOCKED || grid.hidden || service.unsent) return;
  reserve.length = undoable.length = state.shown.length = 0;
  state.current = null;
  grid.replaceChildren();
  grid.hidden = true;
  by("paused").hidden = false;
  by("paused").querySelector("button").focus();
}

export async function resume() {
  by("paused").hidden = true;
  grid.hidden = false;
  service.contact = Date.now();
  await nextPage();
}

function renew() {
  if (paused() || Date.now() - service.contact < LOCKED / 2) return;
  service.contact = Date.now();
  deal(1); // any question renews the locks
}

setInterval(giveUp, Math.min(5000, LOCKED / 4));
document.addEventListener("visibilitychange", giveUp);
for (const kind of ["keydown", "pointerdown", "pointermove"]) addEventListener(kind, renew, { passive: true });

addEventListener("pagehide", () => {
  const form = new FormData();
  form.append("csrfmiddlewaretoken", csrf());
  form.append("page", texts.page);
  for (const image of held()) form.append("images", image);
  navigator.sendBeacon("release", form);
});
