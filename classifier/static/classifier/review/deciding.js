// Deciding and undoing: what is said is shown first and sent after.

import { announce } from "../shared/announcer.js";
import { texts } from "../shared/texts.js";
import { banner, wasRead } from "./banner.js";
import { moveTo, showChosen } from "./choosing.js";
import { nextPage } from "./dealing.js";
import { by, grid } from "./elements.js";
import { insist, send, service } from "./service.js";
import { models, state, undoable } from "./state.js";
import { fill, mark } from "./tiles.js";

// `word` has a label, or is none of them ({ label: "" }), or a skip; without one each tile's own answer is right.
export function decide(word) {
  const meant = [...state.chosen].filter((tile) => !word?.label || classOf(tile, word.label));
  if (!meant.length) return;
  const wordOf = (tile) => ({ prediction: tile.item.id, ...(word ?? { label: tile.item.label }) });
  // What is said already is not said again: to undo that would take back the first time too.
  const tiles = meant.filter((tile) => tile.said?.text !== saidOf(tile, wordOf(tile)).text);
  if (!tiles.length) return goOn(meant.at(-1));
  const words = tiles.map(wordOf);
  const group = tiles.map((tile, i) => ({ tile, before: tile.said, said: saidOf(tile, words[i]), review: null }));
  for (const { tile, said } of group) mark(tile, said);
  undoable.push(group);
  state.decided += tiles.length;
  if (!service.troubled && wasRead()) banner("");
  send(() => tell(group, words));
  announce(tiles.length > 1 ? `${tiles[0].said.text}, ${texts.chosen.replace("{n}", tiles.length)}` : tiles[0].said.text);
  goOn(tiles.at(-1));
}

const classOf = (tile, label) => models[tile.item.model].find((known) => known.id === label);

function saidOf(tile, { label, skip }) {
  if (skip) return { kind: "skip", text: texts.skip };
  if (!label) return { kind: "none", text: texts.none };
  const kind = label === tile.item.label ? "agree" : "other";
  return { kind, text: fill(texts[kind], classOf(tile, label).name) };
}

async function tell(group, words) {
  const answer = await insist("words", { words });
  group.forEach((one, i) => (one.review = answer?.reviews[i]));
  const lost = group.filter((one) => !one.review);
  if (!lost.length) return;
  if (answer) banner(texts.gone);
  for (const one of lost) unsay(one, answer ? { kind: "gone", text: texts.gone } : one.before);
  if (undoable.includes(group)) drop(group, lost); // or it was undone meanwhile, and counts no more already
  showChosen();
}

// What was not written down was never said, also to whoever undoes what was said of the same tile since.
function unsay({ tile, before, said }, instead) {
  for (const later of undoable.flat()) if (later.before === said) later.before = before;
  if (tile.said === said || tile.said === before) mark(tile, instead);
}

// There is nothing in it to undo.
function drop(group, lost) {
  state.decided -= lost.length;
  const at = undoable.indexOf(group);
  group.splice(0, group.length, ...group.filter((one) => !lost.includes(one)));
  if (!group.length) undoable.splice(at, 1);
}

// The next that is open, from the last decided one on; then the next page.
function goOn(last) {
  const { shown } = state;
  state.several = false;
  const at = shown.indexOf(last);
  const next = [...shown.slice(at + 1), ...shown.slice(0, at)].find((tile) => !tile.said);
  if (next) return moveTo(next);
  nextPage();
}

export function undo() {
  const group = undoable.pop();
  if (!group) return announce(texts.nothingToUndo);
  for (const { tile, before } of group) mark(tile, before);
  state.decided -= group.length;
  bringBack(group.map((one) => one.tile));
  announce(texts.undone);
  send(() => withdraw(group));
}

async function withdraw(group) {
  const reviews = group.map((one) => one.review).filter(Boolean);
  if (reviews.length) await insist("withdraw", { reviews });
}

// Also from a page that was left already.
function bringBack(tiles) {
  const away = tiles.filter((tile) => !state.shown.includes(tile));
  state.shown = [...away, ...state.shown];
  grid.prepend(...away.map((tile) => tile.element));
  by("done").hidden = true;
  grid.hidden = false;
  state.several = false;
  moveTo(tiles[0]);
}
