// The photos that were chosen and are not with the service yet. Leaving the page meanwhile is asked about.

export const queue = []; // { file, card, key, tries }, in the order in which they are sent
export const uploading = new Set();
export const failed = new Set(); // what did not get through time and again; one that is tried again takes all along

export const unsent = () => uploading.size + queue.length + failed.size;

export function forget(card) {
  for (const one of failed) if (one.card === card) failed.delete(one);
}

addEventListener("beforeunload", (event) => unsent() && event.preventDefault());
