// Makes a card's buttons work, whether the server or the script has made it.

import { action } from "./card.js";
import { askToDelete } from "./deletion.js";
import { leave } from "./leaving.js";
import { showTime } from "./times.js";

export function wire(card) {
  for (const element of card.querySelectorAll("time[datetime]")) showTime(element, new Date(element.dateTime));
  const remove = action(card, "delete"); // on a page of its own only its owner's
  if (remove) remove.hidden = !card.dataset.id;
  remove?.addEventListener("click", () => askToDelete(card));
  action(card, "dismiss")?.addEventListener("click", () => leave(card));
}
