// Chosen photos become cards at once, and are sent from there.

import { texts } from "../shared/texts.js";
import { sentences } from "./api.js";
import { cards, field, showEmptiness } from "./card.js";
import { showTime } from "./times.js";
import { enqueue } from "./uploads.js";
import { wire } from "./wiring.js";

export function choose(files, refused = null) {
  if (files.length > texts.maxImages) refused = texts.tooMany;
  if (!files.length && !refused) return;
  document.getElementById("refusal").textContent = refused ? sentences(refused) : "";
  document.getElementById("refusal").hidden = !refused;
  if (refused === texts.tooMany) return;
  // The last is put on top first, so that the first ends up uppermost.
  const chosen = [...files].reverse().map((file) => ({ file, card: newCard(file), key: randomKey(), tries: 0 }));
  for (const one of chosen.reverse()) enqueue(one);
}

// Sent with each try, so that a picture whose answer was lost is not kept twice.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

function newCard(file) {
  const card = document.getElementById("card").content.firstElementChild.cloneNode(true);
  const image = card.querySelector("img");
  image.src = URL.createObjectURL(file);
  image.alt = file.name;
  image.addEventListener("error", () => card.classList.add("unreadable"));
  field(card, "name").textContent = file.name;
  showTime(card.querySelector("time"), new Date());
  cards.prepend(card);
  wire(card);
  showEmptiness();
  return card;
}
