// The palette: a button for each class of the current image's model.

import { find, palette } from "./elements.js";
import { KEYS, models, state } from "./state.js";

export function showPalette() {
  const { model, label } = state.current.item;
  if (palette.dataset.model !== String(model)) fillPalette(model);
  for (const each of palette.children) each.classList.toggle("guessed", each.dataset.label === label);
}

function fillPalette(model) {
  palette.dataset.model = model;
  find.hidden = models[model].length <= KEYS.length;
  palette.replaceChildren(
    ...models[model].map(({ id, name }, i) => {
      const choice = document.createElement("button");
      choice.type = "button";
      choice.dataset.label = id;
      if (KEYS[i]) choice.append(Object.assign(document.createElement("kbd"), { textContent: KEYS[i] }), " ");
      choice.append(name);
      return choice;
    }),
  );
}
