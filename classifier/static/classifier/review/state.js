// What the review page holds: images in reserve and on show, which are chosen, what was said.

export const models = {}; // id: [{ id, name }]
export const reserve = []; // items that were dealt and are not shown yet
export const undoable = []; // groups of what was said at once, the last one last: [{ tile, before, said, review }]

export const state = {
  shown: [], // tiles: { item, element, said }
  chosen: new Set(),
  current: null,
  anchor: null, // where a range of chosen tiles begins
  several: false, // each click adds a tile to what is chosen
  decided: 0,
};

export const KEYS = "1234567890"; // of the first classes
