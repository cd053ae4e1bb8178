// Requests that change something. Without the token the service refuses them.

// The cookie is newer than the page, where somebody has logged in in another tab.
export const csrf = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? document.querySelector("[name=csrfmiddlewaretoken]").value;

export function request(method, path, { headers = {}, body } = {}) {
  return fetch(path, { method, body, headers: { ...headers, "X-CSRFToken": csrf() } });
}
