// A card leaves the page: its picture was deleted, or its refusal dismissed.

import { banner } from "./banner.js";
import { alone, showEmptiness } from "./card.js";
import { forget, unsent } from "./unsent.js";

// Where a person is by now. Safari focuses no button that is clicked: then it is nowhere.
export const isFocusIn = (element) => element.contains(document.activeElement) || document.activeElement === document.body;

export function leave(card) {
  if (alone) return location.assign("/");
  const next = card.nextElementSibling ?? card.previousElementSibling;
  const focused = card.contains(document.activeElement);
  forget(card);
  if (!unsent()) banner("uploads", "");
  card.remove();
  showEmptiness();
  if (focused) (next?.querySelector("a[href], button:not([hidden])") ?? document.getElementById("files"))?.focus();
}
