// A share as people read it.

import { texts } from "./texts.js";

const tenths = new Intl.NumberFormat(texts.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });

// What only rounding would make certain is "> 99.9%".
export function percent(share) {
  const nearly = share < 1 && share >= 0.9995;
  return (nearly ? ">\u00a0" : "") + texts.percent.replace("{share}", tenths.format(nearly ? 99.9 : share * 100));
}
