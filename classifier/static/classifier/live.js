// Keeps #live as it is now: fetches the page again every few seconds while somebody looks at it, but
// not while the keyboard is in it. What could not be fetched anew says since when it is old.

const live = () => document.getElementById("live");
const moments = new Intl.DateTimeFormat(document.documentElement.lang, { timeStyle: "medium" });
let fresh = new Date();

async function refresh() {
  const busy = document.hidden || live().contains(document.activeElement);
  if (!busy) show(await fetched());
  schedule();
}

// The part as it is now, or null: the service is down, say, or the session has ended.
async function fetched() {
  try {
    const response = await fetch(location.href);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    return response.ok ? page.getElementById("live") : null;
  } catch {
    return null;
  }
}

function show(next) {
  const stale = document.getElementById("stale");
  stale.textContent = next ? "" : live().dataset.stale.replace("{time}", moments.format(fresh));
  stale.hidden = Boolean(next);
  if (!next) return;
  fresh = new Date();
  if (live().contains(document.activeElement)) return;
  // Tables that are wider than a phone stay where they were scrolled to.
  const scrolled = [...live().children].map((part) => part.scrollLeft);
  live().replaceWith(document.adoptNode(next));
  [...live().children].forEach((part, place) => (part.scrollLeft = scrolled[place] ?? 0));
}

function schedule() {
  const seconds = Number(live().dataset.every);
  if (seconds) setTimeout(refresh, seconds * 1000);
}

schedule();
