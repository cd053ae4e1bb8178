// Polling: one request for all that is pending, ever slower, and none while nobody looks.

import { inTime } from "../shared/requests.js";
import { texts } from "../shared/texts.js";
import { API, OFFLINE, secondsToWait } from "./api.js";
import { banner } from "./banner.js";
import { cards, showState } from "./card.js";
import { isFinal, update } from "./update.js";

const POLLED = 100; // ids a request; the API's largest page
const FASTEST = 250, SLOWEST = 2000; // ms between polls

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
  const there = waiting.filter((card) => card.isConnected && !("leaving" in card.dataset));
  const missing = found ? there.filter((card) => !found.has(card.dataset.id)) : [];
  banner("polling", missing.length ? texts.missing : found || seconds ? "" : texts.offline);
  delay = seconds ? seconds * 1000 : found?.size ? Math.min(delay * 1.3, SLOWEST) : Math.min(delay * 2, OFFLINE);
  // They are asked for on: whoever logs in again, or out, finds them.
  for (const card of missing) showState(card, texts.missing);
  for (const card of there) if (found?.has(card.dataset.id)) update(card, found.get(card.dataset.id));
  schedule();
}

// `found`: by identifier, where they were told; `seconds` to wait, where too much was asked.
async function ask(ids) {
  try {
    const response = await fetch(`${API}?page_size=${POLLED}&id=${ids.join(",")}`, { signal: inTime() });
    if (response.status === 429) return { seconds: secondsToWait(response) };
    if (!response.ok) return {};
    return { found: new Map((await response.json()).results.map((prediction) => [prediction.id, prediction])) };
  } catch {
    return {};
  }
}

document.addEventListener("visibilitychange", pollSoon);
addEventListener("online", pollSoon);
