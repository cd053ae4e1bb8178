// Deleting a picture, and bringing it back while the page is not left.

import { announce } from "../shared/announcer.js";
import { inTime, request } from "../shared/requests.js";
import { texts } from "../shared/texts.js";
import { API, sentences } from "./api.js";
import { banner, bannerBriefly } from "./banner.js";
import { action, field, nameOf } from "./card.js";
import { isFocusIn, leave } from "./leaving.js";
import { pollSoon, schedule } from "./polling.js";
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
    pollSoon();
    // Not found is not deleted: it may be of whom somebody has logged out in another tab.
    return bannerBriefly("deletion", response?.status === 404 ? texts.missing : texts.notDeleted);
  }
  banner("deletion", "");
  schedule(); // perhaps for nothing any more
  announce(`${nameOf(card)}: ${texts.deleted}`);
  texts.undoable ? offerUndo(card) : leave(card);
}

// In the card's place, until the page is left.
function offerUndo(card) {
  const note = document.getElementById("gone").content.firstElementChild.cloneNode(true);
  field(note, "name").textContent = nameOf(card);
  action(note, "undo").addEventListener("click", () => restore(card, note));
  const focused = isFocusIn(card);
  card.replaceWith(note);
  if (focused) action(note, "undo").focus({ preventScroll: true });
}

async function restore(card, note) {
  if ("restoring" in note.dataset) return;
  note.dataset.restoring = "";
  const { prediction, refusal } = await broughtBack(`${API}/${card.dataset.id}`);
  delete note.dataset.restoring;
  if (!prediction) return bannerBriefly("deletion", refusal);
  banner("deletion", "");
  delete card.dataset.leaving;
  const focused = isFocusIn(note);
  note.replaceWith(card);
  announce(`${nameOf(card)}: ${texts.restored}`);
  if (card.dataset.status !== prediction.status) update(card, prediction);
  if (focused) action(card, "delete").focus({ preventScroll: true });
  pollSoon();
}

// The prediction as it now is, or why it is still gone. One that is refused may be back already: the
// answer that said so was lost on its way.
async function broughtBack(url) {
  const response = await request("POST", `${url}/restore`).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (!answer) return { refusal: texts.notRestored };
  if (response.ok) return { prediction: answer };
  const now = await fetch(url, { signal: inTime() }).then((told) => (told.ok ? told.json() : null)).catch(() => null);
  return now && !now.deleted_at ? { prediction: now } : { refusal: sentences(answer) };
}
