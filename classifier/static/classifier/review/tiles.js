// An image to review: the picture, the model's answer, what was said of it.

import { percent } from "../shared/percent.js";
import { texts } from "../shared/texts.js";
import { by } from "./elements.js";
import { KEYS, models } from "./state.js";

export const fill = (pattern, label) => pattern.replace("{label}", label);

export function newTile(item, clicked) {
  const element = by("tile").content.firstElementChild.cloneNode(true);
  const tile = { item, element, said: null };
  element.querySelector("img").src = item.src;
  element.querySelector(".guess .name").textContent = item.name;
  element.querySelector(".guess .share").textContent = percent(item.confidence);
  element.querySelector(".top").replaceChildren(...item.top.map((entry) => bar(entry, item)));
  showProposals(element.querySelector(".proposal"), item);
  element.addEventListener("click", (event) => clicked(tile, event));
  element.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault()); // no text selection
  mark(tile, null);
  return tile;
}

function showProposals(element, item) {
  const told = item.proposals.map(({ stream, name }) => fill(texts[stream], name || texts.none));
  if (item.off_topic) told.push(texts.offTopic);
  element.textContent = told.join(" · ");
  element.hidden = !told.length;
}

function bar(entry, item) {
  const row = by("bar").content.firstElementChild.cloneNode(true);
  const at = models[item.model].findIndex((known) => known.id === entry.label);
  row.querySelector("kbd").textContent = KEYS[at] ?? "";
  row.querySelector(".name").textContent = entry.label_localized;
  row.querySelector("rect").setAttribute("width", (entry.confidence * 100).toFixed(1));
  row.querySelector(".share").textContent = percent(entry.confidence);
  return row;
}

// `said`: { kind, text } or null where nothing is.
export function mark(tile, said) {
  tile.said = said;
  const note = tile.element.querySelector(".said");
  note.className = `said ${said?.kind ?? ""}`;
  note.textContent = said?.text ?? "";
  note.hidden = !said;
  tile.element.classList.toggle("settled", Boolean(said));
  const { name, confidence, file } = tile.item;
  const proposal = tile.element.querySelector(".proposal").textContent;
  const told = [said?.text, `${name}, ${percent(confidence)}`, proposal, file];
  tile.element.setAttribute("aria-label", told.filter(Boolean).join(". "));
}
