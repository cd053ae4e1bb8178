// Keeps #live as it is now: fetches the page again every few seconds while somebody looks at it, but
// not while the keyboard is in it, nor while that is paused. What could not be fetched anew, or has not
// been for some time, says since when it is old.

import { inTime } from "./shared/requests.js";

const PAUSED = "updates-paused"; // kept by the tab until it is closed, for all such pages
const HELD = 3; // rounds that the keyboard may hold back before that is told

const live = () => document.getElementById("live");
const updates = document.getElementById("updates");
const moments = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" });
let fresh = new Date();
let timer = null;

const every = () => Number(live().dataset.every) || 0; // seconds; none where nothing changes any more
const paused = () => PAUSED in sessionStorage;
const held = () => live().contains(document.activeElement);

async function refresh() {
  clearTimeout(timer);
  const busy = document.hidden || held();
  const next = busy ? null : await fetched();
  if (!busy && !paused()) show(next); // it may have been paused meanwhile
  else if (held() && new Date() - fresh > HELD * every() * 1000) tellOld(updates.dataset.held);
  schedule();
}

// The part as it is now, or null: the service is down, say, or the session has ended.
async function fetched() {
  try {
    const response = await fetch(location.href, { signal: inTime() });
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return response.ok ? page.getElementById("live") : null;
  } catch {
    return null;
  }
}

function show(next) {
  tellOld(next ? "" : live().dataset.stale);
  if (!next || held()) return;
  fresh = new Date();
  // Tables that are wider than a phone stay where they were scrolled to.
  const scrolled = [...live().children].map((part) => part.scrollLeft);
  live().replaceWith(document.adoptNode(next));
  [...live().children].forEach((part, place) => (part.scrollLeft = scrolled[place] ?? 0));
}

function tellOld(sentence) {
  const stale = document.getElementById("stale");
  const text = sentence.replace("{time}", moments.format(fresh));
  if (stale.textContent !== text) stale.textContent = text;
  stale.hidden = !text;
}

function schedule() {
  clearTimeout(timer);
  if (every() && !paused()) timer = setTimeout(refresh, every() * 1000);
  updates.hidden = !every();
}

// Written only when it changes: a screen reader would read it out again each time.
function tell() {
  const { dataset } = updates;
  updates.querySelector("button").textContent = paused() ? dataset.resume : dataset.pause;
  updates.querySelector("[role=status]").textContent = paused() ? dataset.paused.replace("{time}", moments.format(fresh)) : dataset.running;
}

function pauseOrResume() {
  paused() ? sessionStorage.removeItem(PAUSED) : sessionStorage.setItem(PAUSED, "yes");
  tell();
  if (paused()) tellOld(""); // since when is told beside it
  paused() ? schedule() : refresh();
}

document.addEventListener("visibilitychange", () => !document.hidden && every() && !paused() && refresh());
updates.querySelector("button").addEventListener("click", pauseOrResume);
tell();
schedule();
