// Keys. Letters go by their place where the layout has no Latin ones.

import { chooseAll, moveTo, step } from "./choosing.js";
import { columns } from "./dealing.js";
import { decide, undo } from "./deciding.js";
import { ACTS } from "./desk.js";
import { find, help } from "./elements.js";
import { paused, resume } from "./locks.js";
import { KEYS, models, state } from "./state.js";

const PLACES = { KeyN: "n", KeyS: "s" };

function keyOf(event) {
  if (event.key === "?" || (event.code === "Slash" && event.shiftKey)) return "?";
  if (event.key === "/" || event.code === "Slash") return "/";
  if (/^[a-z]$/i.test(event.key)) return event.key.toLowerCase();
  return PLACES[event.code] ?? event.key;
}

const ON_KEY = {
  Enter: ACTS.agree,
  n: ACTS.none,
  s: ACTS.skip,
  Backspace: undo,
  "?": ACTS.help,
  "/": () => find.hidden || find.focus(),
  Escape: () => {
    state.several = false;
    if (state.current) moveTo(state.current);
  },
  ArrowRight: (event) => step(1, event.shiftKey),
  ArrowLeft: (event) => step(-1, event.shiftKey),
  ArrowDown: (event) => step(columns(), event.shiftKey),
  ArrowUp: (event) => step(-columns(), event.shiftKey),
};

document.addEventListener("keydown", (event) => {
  if (help.open || event.target === find || event.altKey) return;
  if (event.target.closest("button, a, input, select") && ["Enter", " ", "Tab"].includes(event.key)) return;
  if (paused()) return resume();
  if (event.ctrlKey || event.metaKey) {
    if (event.code !== "KeyA") return;
    event.preventDefault();
    return chooseAll();
  }
  const key = keyOf(event);
  const digit = KEYS.indexOf(key);
  const choice = key.length === 1 && digit >= 0 && state.current && models[state.current.item.model][digit];
  const act = choice ? () => decide({ label: choice.id }) : ON_KEY[key];
  if (!act) return;
  event.preventDefault();
  if (event.repeat && !key.startsWith("Arrow")) return; // a key that is held says it once
  act(event);
});
