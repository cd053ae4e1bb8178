// Asking the service until it answers. What is said is sent in the order in which it was.

import { request } from "../shared/requests.js";
import { texts } from "../shared/texts.js";
import { banner } from "./banner.js";

const SOONEST = 1000, LATEST = 10000; // ms between attempts to reach the service

export const service = {
  contact: Date.now(), // when it last answered, and with it when the locks were renewed
  troubled: false, // whether the banner says why nothing can be sent
  unsent: 0,
};

const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));

async function ask(path, body) {
  const headers = { "Content-Type": "application/json" };
  const response = await request("POST", path, { headers, body: JSON.stringify({ ...body, page: texts.page }) });
  if (response.status === 400 || response.status === 404) throw new Error("refused");
  if (!response.ok) throw new Error(response.status === 403 ? "loggedOut" : "offline");
  service.contact = Date.now();
  return response.json();
}

// Until it is answered, or refused: then null.
export async function insist(path, body) {
  for (let wait = SOONEST; ; wait = Math.min(wait * 2, LATEST)) {
    try {
      const answer = await ask(path, body);
      if (service.troubled) banner("");
      service.troubled = false;
      return answer;
    } catch (error) {
      service.troubled = error.message !== "refused";
      banner(texts[error.message] ?? texts.offline);
      if (!service.troubled) return null;
      await pause(wait);
    }
  }
}

let line = Promise.resolve(); // what is said and undone, in the order in which it was

export function send(task) {
  service.unsent += 1;
  line = line.then(task).finally(() => (service.unsent -= 1));
}

// All that was in line by now is known to the service.
export const sent = () => line;
