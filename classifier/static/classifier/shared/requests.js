// Requests. Those that change something have a token, without which the service refuses them.

const STALLED = 15000; // ms after which an answer counts as lost

// A connection that only hangs is given up as a lost one is.
export const inTime = () => AbortSignal.timeout(STALLED);

// The cookie is newer than the page, where somebody has logged in in another tab.
export const csrf = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? document.querySelector("[name=csrfmiddlewaretoken]").value;

export function request(method, path, { headers = {}, body, signal = inTime() } = {}) {
  return fetch(path, { method, body, signal, headers: { ...headers, "X-CSRFToken": csrf() } });
}
