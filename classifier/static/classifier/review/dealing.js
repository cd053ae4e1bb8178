// Dealing: images come in advance, and the next page of them is there at once.

import { announce } from "../shared/announcer.js";
import { texts } from "../shared/texts.js";
import { clicked, moveTo } from "./choosing.js";
import { by, grid, palette } from "./elements.js";
import { insist, sent } from "./service.js";
import { models, reserve, state } from "./state.js";
import { newTile } from "./tiles.js";

const MOST = 50; // tiles a page; twice as many are asked for at once, and 100 are the most that are dealt

export const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;

// As many as fill the window, in whole rows, of which twice as many can be asked for. A tile of the last page tells how
// high one is.
function fit() {
  const desk = palette.parentElement.offsetHeight;
  const height = innerHeight - (grid.getBoundingClientRect().top + scrollY) - desk;
  const one = state.current?.element.offsetHeight || 360;
  const most = Math.min(6, Math.floor(MOST / columns()));
  return columns() * Math.min(most, Math.max(2, Math.round(height / one)));
}

let dealing = null;

export function deal(n) {
  dealing ??= dealMore(n).finally(() => (dealing = null));
  return dealing;
}

async function dealMore(n) {
  await sent(); // what is decided must be known there first, or it would be dealt again
  const have = [...reserve, ...state.shown.map((tile) => tile.item)].map((item) => item.image);
  const answer = await insist("deal", { order: texts.order, n, have });
  if (!answer) return;
  Object.assign(models, answer.models);
  reserve.push(...answer.items);
  for (const item of answer.items) new Image().src = item.src; // so that it is there when its turn comes
}

export async function nextPage() {
  const n = fit();
  state.chosen.clear();
  grid.setAttribute("aria-busy", "true");
  if (!reserve.length) await deal(2 * n);
  if (!reserve.length) await deal(2 * n); // the one in flight may have come too early to find any
  if (state.shown.some((tile) => !tile.said)) return grid.setAttribute("aria-busy", "false"); // undone meanwhile
  state.shown = reserve.splice(0, n).map((item) => newTile(item, clicked));
  grid.replaceChildren(...state.shown.map((tile) => tile.element));
  grid.setAttribute("aria-busy", "false");
  by("done").hidden = state.shown.length > 0;
  grid.hidden = state.shown.length === 0;
  scrollTo({ top: 0 });
  if (state.shown.length) moveTo(state.shown[0]);
  else tellTheEnd();
  if (reserve.length < n) deal(n);
}

function tellTheEnd() {
  state.current = null;
  announce(by("done").textContent.trim().replace(/\s+/g, " "));
}
