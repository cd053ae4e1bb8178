// Uploads: a few at a time, each with a fate of its own. What a lost connection or the limit of requests
// stopped goes on by itself.

import { request } from "../shared/requests.js";
import { texts } from "../shared/texts.js";
import { API, OFFLINE, secondsToWait } from "./api.js";
import { banner } from "./banner.js";
import { action, cards, nameOf, showPreview, showProblem, showState } from "./card.js";
import { pollSoon } from "./polling.js";
import { failed, queue, uploading } from "./unsent.js";
import { update } from "./update.js";

// Uploads at a time. The very first goes alone: it is answered with the cookie that makes the
// others this visitor's too.
const parallel = () => (cards.querySelector("[data-id]") ? 3 : 1);
// An earlier try of the same upload is not done yet; somebody logged in in another tab.
const AGAIN = new Set(["IDEMPOTENCY_IN_FLIGHT", "CSRF_FAILED"]);
const TRIES = 3; // of an upload that does not get through, before somebody has to ask for more

let stopped = null; // while nothing is sent: { timer, why }

export function enqueue(one) {
  const { card } = one;
  if (card.contains(document.activeElement)) focusOn(card); // "Try again" is hidden now
  card.dataset.status = "uploading";
  showState(card, stopped?.why ?? texts.uploading);
  queue.push(one);
  pump();
}

function focusOn(card) {
  card.tabIndex = -1;
  card.focus({ preventScroll: true });
}

function pump() {
  while (!stopped && uploading.size < parallel() && queue.length) {
    const one = queue.shift();
    uploading.add(one);
    upload(one).finally(() => {
      uploading.delete(one);
      pump();
    });
  }
}

// Nothing is sent for so long.
function stop(ms, why) {
  if (stopped) return;
  stopped = { timer: setTimeout(goOn, ms), why };
  banner("uploads", why);
  for (const { card } of queue) showState(card, why);
}

function goOn() {
  clearTimeout(stopped?.timer);
  stopped = null;
  if (!queue.length) banner("uploads", "");
  for (const { card } of queue) showState(card, texts.uploading);
  pump();
}

function tryAllAgain() {
  const again = [...failed];
  failed.clear();
  for (const one of again) enqueue(Object.assign(one, { tries: 0 }));
  goOn();
}

async function upload(one) {
  const { file, card, key } = one;
  const retry = () => enqueue(one);
  if (file.size > texts.maxBytes) return showProblem(card, texts.tooLarge, null);
  const body = new FormData();
  body.append("image", file);
  const headers = { "Idempotency-Key": key };
  const signal = null; // a large photo may take long
  const response = await request("POST", API, { body, headers, signal }).catch(() => null);
  if (!response) return notSent(one);
  if (!stopped) banner("uploads", "");
  const answer = await response.json().catch(() => null);
  // Not the service's own words: a proxy's, or cut off.
  if (!answer) return showProblem(card, response.status === 413 ? texts.tooLarge : texts.failed, retry);
  if (response.ok) accepted(card, answer);
  else if (response.status === 429) later(one, response);
  else showProblem(card, answer, response.status >= 500 || AGAIN.has(answer.code) ? retry : null);
}

async function notSent(one) {
  if (!(await canBeRead(one.file))) return showProblem(one.card, texts.unreadable, null);
  one.tries += 1;
  stop(OFFLINE, texts.offline);
  if (one.tries < TRIES) return enqueue(one);
  failed.add(one);
  showProblem(one.card, texts.failed, tryAllAgain);
}

// Not where it was moved, changed or removed after it was chosen.
const canBeRead = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

function later(one, response) {
  const seconds = secondsToWait(response);
  stop(seconds * 1000, texts.tooFast.replace("{n}", seconds));
  enqueue(one);
}

function accepted(card, prediction) {
  card.dataset.id = prediction.id;
  card.querySelector(".picture").href = prediction.url;
  action(card, "delete").hidden = false;
  action(card, "delete").querySelector(".hidden").textContent = ` ${nameOf(card)}`;
  showPreview(card, prediction.image.url);
  update(card, prediction);
  pollSoon();
}

addEventListener("online", tryAllAgain);
