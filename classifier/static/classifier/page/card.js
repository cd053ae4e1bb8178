// A picture's card: its parts, the state or the problem that it shows. The template is _card.html.

import { announce } from "../shared/announcer.js";
import { sentences } from "./api.js";

export const cards = document.getElementById("cards");
export const alone = "single" in cards.dataset; // a page of one picture

export const field = (card, name) => card.querySelector(`[data-field="${name}"]`);
export const action = (card, name) => card.querySelector(`[data-action="${name}"]`);
export const nameOf = (card) => field(card, "name").textContent;

export function showEmptiness() {
  document.getElementById("empty")?.toggleAttribute("hidden", cards.children.length > 0);
}

// The server's preview in place of the photo itself: fifty photos would fill the memory.
export function showPreview(card, url) {
  const image = card.querySelector("img");
  const local = image.src;
  image.addEventListener("load", () => URL.revokeObjectURL(local), { once: true });
  image.src = url;
}

export function showState(card, text) {
  field(card, "state").textContent = text;
  field(card, "state").hidden = false;
  if (field(card, "problem")) field(card, "problem").hidden = true;
}

export function showEnd(card, text) {
  showState(card, text);
  announce(`${nameOf(card)}: ${text}`);
}

export function showProblem(card, problem, retry) {
  if (!card.dataset.id) card.dataset.status = "refused";
  field(card, "state").hidden = true;
  field(card, "problem").hidden = false;
  field(card, "problem-title").textContent = problem.title;
  field(card, "problem-detail").textContent = problem.detail ?? "";
  action(card, "retry").hidden = !retry;
  action(card, "retry").onclick = retry;
  action(card, "dismiss").hidden = Boolean(card.dataset.id);
  announce(`${nameOf(card)}: ${sentences(problem)}`);
}
