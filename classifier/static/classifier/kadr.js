// The page's behaviour: send photos, show them at once, poll for their answers, page through history.
// Without this script the form posts and the result page refreshes itself.

import { cards } from "./page/card.js";
import "./page/history.js";
import { schedule } from "./page/polling.js";
import { unsent } from "./page/unsent.js";
import "./page/window.js";
import { wire } from "./page/wiring.js";

// A page that the browser has kept does not know what was deleted or corrected since.
addEventListener("pageshow", (event) => {
  if (event.persisted && !unsent() && !cards.querySelector(".gone, [data-status=refused]")) location.reload();
});

for (const card of cards.children) wire(card);
if (location.hash === "#wrong") document.querySelector(".dispute")?.setAttribute("open", ""); // older browsers do not
schedule();
