// An answer in its card: the label, how sure it is, what else it may be.

import { announce } from "../shared/announcer.js";
import { percent } from "../shared/percent.js";
import { texts } from "../shared/texts.js";
import { field, nameOf } from "./card.js";

export function showResult(card, prediction) {
  const result = prediction.result;
  const offTopic = result.off_topic?.flag;
  const label = offTopic ? texts.offTopic : result.label_localized;
  const confidence = offTopic ? "" : percent(result.confidence);
  field(card, "label").textContent = label;
  field(card, "confidence").textContent = confidence;
  showNote(field(card, "note"), result);
  showWrong(card);
  showChange(field(card, "changed"), prediction);
  field(card, "top").replaceChildren(...result.top.map(bar));
  field(card, "state").hidden = true;
  field(card, "result").hidden = false;
  announce(`${nameOf(card)}: ${[label, confidence].filter(Boolean).join(", ")}`);
}

function showWrong(card) {
  field(card, "wrong").href = `${card.querySelector(".picture").href}#wrong`;
  field(card, "wrong").querySelector(".hidden").textContent = ` ${nameOf(card)}`;
  field(card, "wrong").hidden = false;
}

// What the label alone would hide: that it is a guess, or that others are as possible.
function showNote(note, result) {
  const others = (result.set ?? []).slice(1).map((entry) => entry.label_localized).join(", ");
  note.textContent = result.off_topic?.flag ? texts.closest : texts.others.replace("{labels}", others);
  note.hidden = !result.off_topic?.flag && !others;
}

// That the first answer was withdrawn, or replaced by this one.
function showChange(note, prediction) {
  const before = prediction.corrected?.label_before_localized ?? "";
  note.textContent = prediction.recalled ? texts.recalled : texts.corrected.replace("{label}", before);
  note.hidden = !prediction.recalled && !before;
}

function bar(entry) {
  const item = document.getElementById("bar").content.firstElementChild.cloneNode(true);
  const meter = item.querySelector("[role=meter]");
  const width = (entry.confidence * 100).toFixed(1);
  meter.setAttribute("aria-label", entry.label_localized);
  meter.setAttribute("aria-valuenow", width);
  meter.setAttribute("aria-valuetext", percent(entry.confidence));
  meter.querySelector("rect").setAttribute("width", width);
  item.querySelector(".name").textContent = entry.label_localized;
  item.querySelector(".share").textContent = percent(entry.confidence);
  return item;
}
