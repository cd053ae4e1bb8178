// Moments in the reader's own way of writing them.

import { texts } from "../shared/texts.js";

const region = navigator.languages.find((tag) => tag.startsWith(texts.language)) ?? texts.language;
const moments = new Intl.DateTimeFormat(region, { dateStyle: "medium", timeStyle: "short" });

export function showTime(element, moment) {
  element.dateTime = moment.toISOString();
  element.textContent = moments.format(moment);
}
