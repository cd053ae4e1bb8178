// Moving between tiles, and choosing several.

import { texts } from "../shared/texts.js";
import { button, by } from "./elements.js";
import { showPalette } from "./palette.js";
import { state } from "./state.js";

export function moveTo(tile, { extend = false, keep = false } = {}) {
  state.current?.element.classList.remove("current");
  if (state.current) state.current.element.tabIndex = -1;
  state.current = tile;
  if (!extend) state.anchor = tile;
  if (!keep) state.chosen = new Set(extend ? between(state.anchor, tile) : [tile]);
  tile.element.classList.add("current");
  tile.element.tabIndex = 0;
  showChosen();
  showPalette();
  tile.element.focus({ preventScroll: true });
  tile.element.scrollIntoView({ block: "nearest" });
}

function between(one, other) {
  const { shown } = state;
  const ends = [shown.indexOf(one), shown.indexOf(other)].sort((a, b) => a - b);
  const range = shown.slice(ends[0], ends[1] + 1).filter((tile) => !tile.said);
  return range.length ? range : [other];
}

export function showChosen() {
  const { chosen, several, decided } = state;
  const many = chosen.size > 1 || several;
  for (const tile of state.shown) tile.element.setAttribute("aria-selected", String(many && chosen.has(tile)));
  by("count").textContent = many ? texts.chosen.replace("{n}", chosen.size) : decided ? texts.count.replace("{n}", decided) : "";
  button("several").setAttribute("aria-pressed", String(several));
}

export function clicked(tile, event) {
  const { chosen, several } = state;
  const add = several || event.ctrlKey || event.metaKey;
  if (!add) return moveTo(tile, { extend: event.shiftKey });
  if (chosen.has(tile) && (chosen.size > 1 || several)) chosen.delete(tile);
  else chosen.add(tile);
  moveTo(tile, { keep: true });
}

export function step(by, extend) {
  const next = state.shown[state.shown.indexOf(state.current) + by];
  if (next) moveTo(next, { extend });
}

export function chooseAll() {
  const open = state.shown.filter((tile) => !tile.said);
  if (!open.length) return;
  state.chosen = new Set(open);
  moveTo(open.includes(state.current) ? state.current : open[0], { keep: true });
}

export function chooseSeveral() {
  state.several = !state.several;
  state.chosen = new Set(state.several ? [] : state.current ? [state.current] : []);
  showChosen();
}
