// History: the next page is appended in place.

import { inTime } from "../shared/requests.js";
import { cards } from "./card.js";
import { schedule } from "./polling.js";
import { wire } from "./wiring.js";

async function loadMore(link) {
  const response = await fetch(link.href, { signal: inTime() }).catch(() => null);
  const html = response?.ok ? await response.text().catch(() => null) : null;
  if (html === null) {
    link.ariaBusy = null; // for whoever stays, or comes back
    return location.assign(link.href);
  }
  const page = new DOMParser().parseFromString(html, "text/html");
  const older = [...page.querySelectorAll("#cards > .card")];
  cards.append(...older);
  older.forEach(wire);
  older[0]?.querySelector("a")?.focus();
  const next = page.getElementById("more");
  next ? link.replaceWith(document.adoptNode(next)) : link.closest(".more").remove();
  schedule();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("#more");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.ariaBusy) return;
  link.ariaBusy = "true";
  loadMore(link);
});
