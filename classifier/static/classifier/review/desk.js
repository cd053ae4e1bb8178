// The desk: the buttons, the palette, and the field that finds a class.

import { chooseSeveral } from "./choosing.js";
import { decide, undo } from "./deciding.js";
import { find, help, palette } from "./elements.js";
import { resume } from "./locks.js";
import { state } from "./state.js";

export const ACTS = {
  agree: () => state.current && decide(null),
  none: () => state.current && decide({ label: "" }),
  skip: () => state.current && decide({ skip: true }),
  undo,
  several: chooseSeveral,
  help: () => help.showModal(),
  resume,
};

document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act) ACTS[act]();
});

palette.addEventListener("click", (event) => {
  const choice = event.target.closest("[data-label]");
  if (choice && state.current) decide({ label: choice.dataset.label });
});

find.addEventListener("input", () => {
  const wanted = find.value.trim().toLowerCase();
  for (const each of palette.children) each.hidden = !each.textContent.toLowerCase().includes(wanted);
});

find.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && find.value.trim()) [...palette.children].find((each) => !each.hidden)?.click();
  if (event.key !== "Enter" && event.key !== "Escape") return;
  event.preventDefault();
  event.stopPropagation();
  find.value = "";
  for (const each of palette.children) each.hidden = false;
  state.current?.element.focus();
});
