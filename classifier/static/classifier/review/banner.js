// The banner, which says what did not go as it should.

import { by } from "./elements.js";

const READ = 5000; // ms that a banner stays at least, however fast the next decision comes

let bannered = 0; // when the banner was last written

export function banner(text) {
  bannered = Date.now();
  by("banner").textContent = text;
  by("banner").hidden = !text;
}

export const wasRead = () => Date.now() - bannered > READ;
