// What the service tells of a picture, put into its card.

import { texts } from "../shared/texts.js";
import { alone, field, showEnd, showProblem, showState } from "./card.js";
import { showResult } from "./result.js";

const FINAL = new Set(["succeeded", "failed", "canceled", "expired"]);
const SLOW = 10000; // ms of waiting after which we say so

export const isFinal = (status) => FINAL.has(status);

export function update(card, prediction) {
  card.dataset.status = prediction.status;
  if (!isFinal(prediction.status)) return showState(card, waitingText(card));
  if (alone) return location.reload(); // a page full of what was just found out
  if (prediction.model) {
    field(card, "model").textContent = prediction.model.name;
    field(card, "model").title = prediction.model.digest;
  }
  if (prediction.result) showResult(card, prediction);
  else if (prediction.error) showProblem(card, prediction.error, null);
  else showEnd(card, texts.canceled);
}

const waitingSince = new WeakMap();

function waitingText(card) {
  if (!waitingSince.has(card)) waitingSince.set(card, Date.now());
  const text = texts[card.dataset.status];
  const waited = Date.now() - waitingSince.get(card);
  return waited > SLOW ? `${text} ${texts.waited.replace("{n}", Math.round(waited / 1000))} ${texts.slow}` : text;
}
