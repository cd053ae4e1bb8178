// The review page: images are dealt in advance, a key decides, and the next one is there at once.
// What is decided is shown first and sent after, in order; what could not be sent waits and is sent again.

import { nextPage } from "./review/dealing.js";
import "./review/desk.js";
import "./review/keys.js";
import "./review/locks.js";
import { service } from "./review/service.js";

addEventListener("beforeunload", (event) => service.unsent && event.preventDefault());
addEventListener("pageshow", (event) => event.persisted && location.reload());

document.querySelector(".orders [aria-current]").scrollIntoView({ inline: "center", block: "nearest" });
nextPage();
