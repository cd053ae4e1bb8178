// The part of the API that the page asks, and what its refusals say.

export const API = "/api/v1/predictions";
export const OFFLINE = 10000; // ms until a service that could not be reached is asked again

export const sentences = ({ title, detail }) => (detail ? `${title}. ${detail}` : title);

export const secondsToWait = (response) => Math.max(1, Number(response.headers.get("Retry-After")) || OFFLINE / 1000);
