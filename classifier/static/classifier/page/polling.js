// Polling: one request for all that is pending, ever slower, and none while nobody looks.

import { texts } from "../shared/texts.js";
import { API, OFFLINE, secondsToWait } from "./api.js";
import { banner } from "./banner.js";
import { cards } from "./card.js";
import { leave } from "./leaving.js";
import { isFinal, update } from "./update.js";

const POLLED = 100; // ids a request; the API's largest page
const FASTEST = 250, SLOWEST = 2000; // ms between polls
const STALLED = 15000; // ms after which a poll counts as lost

let delay = FASTEST;
let timer = null;
let polling = false;

const pending = () => [...cards.querySelectorAll(".card[data-id]:not([data-leaving])")].filter((card) => !isFinal(card.dataset.status));

// The oldest come last on the page and are answered first, but for a photo that was just sent while a
// batch waits: so, of too many, those from both ends.
const half = POLLED / 2;
const fewest = (waiting) => (waiting.length > POLLED ? [...waiting.slice(0, half), ...waiting.slice(-half)] : waiting);

export function schedule() {
  clearTimeout(timer);
  if (!pending().length) return banner("polling", ""); // there is nothing to wait for a connection for
  if (!document.hidden && !polling) timer = setTimeout(poll, delay);
}

export function pollSoon() {
  delay = FASTEST;
  schedule();
}

async function poll() {
  const waiting = fewest(pending());
  if (!waiting.length) return schedule(); // deleted since
  polling = true;
  const { found, seconds } = await ask(waiting.map((card) => card.dataset.id));
  polling = false;
  banner("polling", found || seconds ? "" : texts.offline);
  delay = seconds ? seconds * 1000 : found ? Math.min(delay * 1.3, SLOWEST) : Math.min(delay * 2, OFFLINE);
  const there = waiting.filter((card) => card.isConnected && !("leaving" in card.dataset));
  if (found) for (const card of there) found.has(card.dataset.id) ? update(card, found.get(card.dataset.id)) : leave(card);
  schedule();
}

// `found`: by identifier, where they were told; `seconds` to wait, where too much was asked.
async function ask(ids) {
  try {
    const signal = AbortSignal.timeout(STALLED);
    const response = await fetch(`${API}?page_size=${POLLED}&id=${ids.join(",")}`, { signal });
    if (response.status === 429) return { seconds: secondsToWait(response) };
    if (!response.ok) return {};
    return { found: new Map((await response.json()).results.map((prediction) => [prediction.id, prediction])) };
  } catch {
    return {};
  }
}

document.addEventListener("visibilitychange", pollSoon);
addEventListener("online", pollSoon);
