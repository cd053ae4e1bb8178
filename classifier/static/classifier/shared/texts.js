// The language, the limits and the sentences that the template has put into the page.

export const texts = JSON.parse(document.getElementById("texts").textContent);
