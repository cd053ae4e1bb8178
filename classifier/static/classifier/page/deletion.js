// Deleting a picture, and bringing it back while the page is not left.

import { announce } from "../shared/announcer.js";
import { request } from "../shared/requests.js";
import { texts } from "../shared/texts.js";
import { API, sentences } from "./api.js";
import { banner } from "./banner.js";
import { action, field, nameOf } from "./card.js";
import { leave } from "./leaving.js";
import { pollSoon } from "./polling.js";
import { update } from "./update.js";

// What cannot be brought back is asked about first.
export const askToDelete = (card) => (texts.undoable ? erase(card) : askFirst(card));

function askFirst(card) {
  const dialog = document.getElementById("sure");
  dialog.returnValue = "";
  dialog.onclose = () => dialog.returnValue === "delete" && erase(card);
  dialog.showModal();
}

async function erase(card) {
  if ("leaving" in card.dataset) return;
  card.dataset.leaving = ""; // a poll meanwhile would find it gone
  const response = await request("DELETE", `${API}/${card.dataset.id}`).catch(() => null);
  if (!response?.ok) {
    delete card.dataset.leaving;
    return banner("deletion", texts.notDeleted);
  }
  banner("deletion", "");
  announce(`${nameOf(card)}: ${texts.deleted}`);
  texts.undoable ? offerUndo(card) : leave(card);
}

// In the card's place, until the page is left.
function offerUndo(card) {
  const note = document.getElementById("gone").content.firstElementChild.cloneNode(true);
  field(note, "name").textContent = nameOf(card);
  action(note, "undo").addEventListener("click", () => restore(card, note));
  card.replaceWith(note);
  action(note, "undo").focus();
}

async function restore(card, note) {
  const response = await request("POST", `${API}/${card.dataset.id}/restore`).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (!answer) return banner("deletion", texts.notRestored);
  if (!response.ok) return banner("deletion", sentences(answer));
  banner("deletion", "");
  delete card.dataset.leaving;
  note.replaceWith(card);
  announce(`${nameOf(card)}: ${texts.restored}`);
  if (card.dataset.status !== answer.status) update(card, answer);
  action(card, "delete").focus();
  pollSoon();
}
