// Keeps #live as it is now: fetches the page again every few seconds while somebody looks at it, but
// not while the keyboard is in it.

const live = () => document.getElementById("live");

async function refresh() {
  const busy = document.hidden || live().contains(document.activeElement);
  const response = busy ? null : await fetch(location.href).catch(() => null);
  if (response?.ok) {
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const next = page.getElementById("live");
    if (next && !live().contains(document.activeElement)) live().replaceWith(document.adoptNode(next));
  }
  schedule();
}

function schedule() {
  const seconds = Number(live().dataset.every);
  if (seconds) setTimeout(refresh, seconds * 1000);
}

schedule();
