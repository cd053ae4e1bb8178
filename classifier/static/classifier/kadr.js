// The page's behaviour: send photos, show them at once, poll for their answers, page through history.
// Without this script the form posts and the result page refreshes itself.

const texts = JSON.parse(document.getElementById("texts").textContent);
const cards = document.getElementById("cards");
const form = document.getElementById("upload");
const input = document.getElementById("files");
const API = "/api/v1/predictions";
const FINAL = new Set(["succeeded", "failed", "canceled", "expired"]);
// Uploads at a time. The very first goes alone: it is answered with the cookie that makes the
// others this visitor's too.
const parallel = () => (cards.querySelector("[data-id]") ? 3 : 1);
// An earlier try of the same upload is not done yet; somebody logged in in another tab.
const AGAIN = new Set(["IDEMPOTENCY_IN_FLIGHT", "CSRF_FAILED"]);
const TRIES = 3; // of an upload that does not get through, before somebody has to ask for more
const POLLED = 100; // ids a request; the API's largest page
const FASTEST = 250, SLOWEST = 2000, OFFLINE = 10000; // ms between polls
const SLOW = 10000; // ms of waiting after which we say so
const STALLED = 15000; // ms after which a poll counts as lost
const SPOKEN = 20000; // ms that an announcement stays for a screen reader to reach it

const tenths = new Intl.NumberFormat(texts.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
// What only rounding would make certain is "> 99.9%".
const percent = (share) => {
  const nearly = share < 1 && share >= 0.9995;
  return (nearly ? ">\u00a0" : "") + texts.percent.replace("{share}", tenths.format(nearly ? 99.9 : share * 100));
};
const region = navigator.languages.find((tag) => tag.startsWith(texts.language)) ?? texts.language;
const moments = new Intl.DateTimeFormat(region, { dateStyle: "medium", timeStyle: "short" });

const field = (card, name) => card.querySelector(`[data-field="${name}"]`);
const action = (card, name) => card.querySelector(`[data-action="${name}"]`);
// The cookie is newer than the page, where somebody has logged in in another tab.
const csrf = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? document.querySelector("[name=csrfmiddlewaretoken]").value;
const sentences = ({ title, detail }) => (detail ? `${title}. ${detail}` : title);
const nameOf = (card) => field(card, "name").textContent;

function announce(text) {
  const line = document.createElement("p");
  line.textContent = text;
  document.getElementById("announcer").append(line);
  setTimeout(() => line.remove(), SPOKEN);
}

const notices = new Map(); // what there is to say, by what it is about

function banner(about, text) {
  text ? notices.set(about, text) : notices.delete(about);
  const element = document.getElementById("banner");
  const shown = [...notices.values()].at(-1) ?? "";
  if (shown && element.textContent !== shown) announce(shown);
  element.textContent = shown;
  element.hidden = !shown;
}

// Cards

function newCard(file) {
  const card = document.getElementById("card").content.firstElementChild.cloneNode(true);
  const image = card.querySelector("img");
  image.src = URL.createObjectURL(file);
  image.alt = file.name;
  image.addEventListener("error", () => card.classList.add("unreadable"));
  field(card, "name").textContent = file.name;
  showTime(card.querySelector("time"), new Date());
  cards.prepend(card);
  wire(card);
  showEmptiness();
  return card;
}

// The server's preview in place of the photo itself: fifty photos would fill the memory.
function showPreview(card, url) {
  const image = card.querySelector("img");
  const local = image.src;
  image.addEventListener("load", () => URL.revokeObjectURL(local), { once: true });
  image.src = url;
}

function showTime(element, moment) {
  element.dateTime = moment.toISOString();
  element.textContent = moments.format(moment);
}

function showEmptiness() {
  document.getElementById("empty")?.toggleAttribute("hidden", cards.children.length > 0);
}

function showState(card, text) {
  field(card, "state").textContent = text;
  field(card, "state").hidden = false;
  if (field(card, "problem")) field(card, "problem").hidden = true;
}

function showProblem(card, problem, retry) {
  if (!card.dataset.id) card.dataset.status = "refused";
  field(card, "state").hidden = true;
  field(card, "problem").hidden = false;
  field(card, "problem-title").textContent = problem.title;
  field(card, "problem-detail").textContent = problem.detail ?? "";
  action(card, "retry").hidden = !retry;
  action(card, "retry").onclick = retry;
  action(card, "dismiss").hidden = Boolean(card.dataset.id);
  announce(`${nameOf(card)}: ${sentences(problem)}`);
}

function showResult(card, prediction) {
  const result = prediction.result;
  const offTopic = result.off_topic?.flag;
  const label = offTopic ? texts.offTopic : result.label_localized;
  const confidence = offTopic ? "" : percent(result.confidence);
  field(card, "label").textContent = label;
  field(card, "confidence").textContent = confidence;
  showNote(field(card, "note"), result);
  showWrong(card);
  showChange(field(card, "changed"), prediction);
  field(card, "top").replaceChildren(...result.top.map(bar));
  field(card, "state").hidden = true;
  field(card, "result").hidden = false;
  announce(`${nameOf(card)}: ${[label, confidence].filter(Boolean).join(", ")}`);
}

function showWrong(card) {
  field(card, "wrong").href = `${card.querySelector(".picture").href}#wrong`;
  field(card, "wrong").querySelector(".hidden").textContent = ` ${nameOf(card)}`;
  field(card, "wrong").hidden = false;
}

// What the label alone would hide: that it is a guess, or that others are as possible.
function showNote(note, result) {
  const others = (result.set ?? []).slice(1).map((entry) => entry.label_localized).join(", ");
  note.textContent = result.off_topic?.flag ? texts.closest : texts.others.replace("{labels}", others);
  note.hidden = !result.off_topic?.flag && !others;
}

// That the first answer was withdrawn, or replaced by this one.
function showChange(note, prediction) {
  const before = prediction.corrected?.label_before_localized ?? "";
  note.textContent = prediction.recalled ? texts.recalled : texts.corrected.replace("{label}", before);
  note.hidden = !prediction.recalled && !before;
}

function bar(entry) {
  const item = document.getElementById("bar").content.firstElementChild.cloneNode(true);
  const meter = item.querySelector("[role=meter]");
  const width = (entry.confidence * 100).toFixed(1);
  meter.setAttribute("aria-label", entry.label_localized);
  meter.setAttribute("aria-valuenow", width);
  meter.setAttribute("aria-valuetext", percent(entry.confidence));
  meter.querySelector("rect").setAttribute("width", width);
  item.querySelector(".name").textContent = entry.label_localized;
  item.querySelector(".share").textContent = percent(entry.confidence);
  return item;
}

function update(card, prediction) {
  card.dataset.status = prediction.status;
  if (!FINAL.has(prediction.status)) return showState(card, waitingText(card));
  if ("single" in cards.dataset) return location.reload(); // a page full of what was just found out
  if (prediction.model) {
    field(card, "model").textContent = prediction.model.name;
    field(card, "model").title = prediction.model.digest;
  }
  if (prediction.result) showResult(card, prediction);
  else if (prediction.error) showProblem(card, prediction.error, null);
  else showEnd(card, texts.canceled);
}

function showEnd(card, text) {
  showState(card, text);
  announce(`${nameOf(card)}: ${text}`);
}

const waitingSince = new WeakMap();

function waitingText(card) {
  if (!waitingSince.has(card)) waitingSince.set(card, Date.now());
  const text = texts[card.dataset.status];
  const waited = Date.now() - waitingSince.get(card);
  return waited > SLOW ? `${text} ${texts.waited.replace("{n}", Math.round(waited / 1000))} ${texts.slow}` : text;
}

// What the buttons of a card do

function wire(card) {
  for (const element of card.querySelectorAll("time[datetime]")) showTime(element, new Date(element.dateTime));
  const remove = action(card, "delete"); // on a page of its own only its owner's
  if (remove) remove.hidden = !card.dataset.id;
  remove?.addEventListener("click", () => (texts.undoable ? erase(card) : askFirst(card)));
  action(card, "dismiss")?.addEventListener("click", () => leave(card));
}

function askFirst(card) {
  const dialog = document.getElementById("sure");
  dialog.returnValue = "";
  dialog.onclose = () => dialog.returnValue === "delete" && erase(card);
  dialog.showModal();
}

async function erase(card) {
  if ("leaving" in card.dataset) return;
  card.dataset.leaving = ""; // a poll meanwhile would find it gone
  const request = { method: "DELETE", headers: { "X-CSRFToken": csrf() } };
  const response = await fetch(`${API}/${card.dataset.id}`, request).catch(() => null);
  if (!response?.ok) {
    delete card.dataset.leaving;
    return banner("deletion", texts.notDeleted);
  }
  banner("deletion", "");
  announce(`${nameOf(card)}: ${texts.deleted}`);
  texts.undoable ? offerUndo(card) : leave(card);
}

// In the card's place, until the page is left.
function offerUndo(card) {
  const note = document.getElementById("gone").content.firstElementChild.cloneNode(true);
  field(note, "name").textContent = nameOf(card);
  action(note, "undo").addEventListener("click", () => restore(card, note));
  card.replaceWith(note);
  action(note, "undo").focus();
}

async function restore(card, note) {
  const request = { method: "POST", headers: { "X-CSRFToken": csrf() } };
  const response = await fetch(`${API}/${card.dataset.id}/restore`, request).catch(() => null);
  const answer = await response?.json().catch(() => null);
  if (!answer) return banner("deletion", texts.notRestored);
  if (!response.ok) return banner("deletion", sentences(answer));
  banner("deletion", "");
  delete card.dataset.leaving;
  note.replaceWith(card);
  announce(`${nameOf(card)}: ${texts.restored}`);
  if (card.dataset.status !== answer.status) update(card, answer);
  action(card, "delete").focus();
  pollSoon();
}

function leave(card) {
  if ("single" in cards.dataset) return location.assign("/");
  const next = card.nextElementSibling ?? card.previousElementSibling;
  const focused = card.contains(document.activeElement);
  for (const one of failed) if (one.card === card) failed.delete(one);
  if (!unsent()) banner("uploads", "");
  card.remove();
  showEmptiness();
  if (focused) (next?.querySelector("a[href], button:not([hidden])") ?? input)?.focus();
}

// Uploads: a few at a time, each with a fate of its own. What a lost connection or the limit of requests
// stopped goes on by itself.

const queue = [];
const failed = new Set(); // what did not get through time and again; one that is tried again takes all along
let uploading = 0;
let stopped = null; // while nothing is sent: { timer, why }
const unsent = () => uploading + queue.length + failed.size;

function choose(files, refused = null) {
  if (files.length > texts.maxImages) refused = texts.tooMany;
  if (!files.length && !refused) return;
  document.getElementById("refusal").textContent = refused ? sentences(refused) : "";
  document.getElementById("refusal").hidden = !refused;
  if (refused === texts.tooMany) return;
  // The last is put on top first, so that the first ends up uppermost.
  const chosen = [...files].reverse().map((file) => ({ file, card: newCard(file), key: randomKey(), tries: 0 }));
  for (const one of chosen.reverse()) enqueue(one);
}

// Sent with each try, so that a picture whose answer was lost is not kept twice.
function randomKey() {
  return Array.from(crypto.getRandomValues(new Uint32Array(4)), (part) => part.toString(36)).join("-");
}

function enqueue(one) {
  const { card } = one;
  if (card.contains(document.activeElement)) focusOn(card); // "Try again" is hidden now
  card.dataset.status = "uploading";
  showState(card, stopped?.why ?? texts.uploading);
  queue.push(one);
  pump();
}

function focusOn(card) {
  card.tabIndex = -1;
  card.focus({ preventScroll: true });
}

function pump() {
  while (!stopped && uploading < parallel() && queue.length) {
    uploading += 1;
    upload(queue.shift()).finally(() => {
      uploading -= 1;
      pump();
    });
  }
}

// Nothing is sent for so long.
function stop(ms, why) {
  if (stopped) return;
  stopped = { timer: setTimeout(goOn, ms), why };
  banner("uploads", why);
  for (const { card } of queue) showState(card, why);
}

function goOn() {
  clearTimeout(stopped?.timer);
  stopped = null;
  if (!queue.length) banner("uploads", "");
  for (const { card } of queue) showState(card, texts.uploading);
  pump();
}

function tryAllAgain() {
  const again = [...failed];
  failed.clear();
  for (const one of again) enqueue(Object.assign(one, { tries: 0 }));
  goOn();
}

async function upload(one) {
  const { file, card, key } = one;
  const retry = () => enqueue(one);
  if (file.size > texts.maxBytes) return showProblem(card, texts.tooLarge, null);
  const body = new FormData();
  body.append("image", file);
  const headers = { "X-CSRFToken": csrf(), "Idempotency-Key": key };
  const response = await fetch(API, { method: "POST", body, headers }).catch(() => null);
  if (!response) return notSent(one);
  if (!stopped) banner("uploads", "");
  const answer = await response.json().catch(() => null);
  // Not the service's own words: a proxy's, or cut off.
  if (!answer) return showProblem(card, response.status === 413 ? texts.tooLarge : texts.failed, retry);
  if (response.ok) accepted(card, answer);
  else if (response.status === 429) later(one, response);
  else showProblem(card, answer, response.status >= 500 || AGAIN.has(answer.code) ? retry : null);
}

async function notSent(one) {
  if (!(await canBeRead(one.file))) return showProblem(one.card, texts.unreadable, null);
  one.tries += 1;
  stop(OFFLINE, texts.offline);
  if (one.tries < TRIES) return enqueue(one);
  failed.add(one);
  showProblem(one.card, texts.failed, tryAllAgain);
}

// Not where it was moved, changed or removed after it was chosen.
const canBeRead = (file) => file.slice(0, 1).arrayBuffer().then(() => true, () => false);

function later(one, response) {
  const seconds = secondsToWait(response);
  stop(seconds * 1000, texts.tooFast.replace("{n}", seconds));
  enqueue(one);
}

const secondsToWait = (response) => Math.max(1, Number(response.headers.get("Retry-After")) || OFFLINE / 1000);

function accepted(card, prediction) {
  card.dataset.id = prediction.id;
  card.querySelector(".picture").href = prediction.url;
  action(card, "delete").hidden = false;
  action(card, "delete").querySelector(".hidden").textContent = ` ${nameOf(card)}`;
  showPreview(card, prediction.image.url);
  update(card, prediction);
  pollSoon();
}

// Polling: one request for all that is pending, ever slower, and none while nobody looks

let delay = FASTEST;
let timer = null;
let polling = false;

// The oldest come last on the page and are answered first.
const pending = () =>
  [...cards.querySelectorAll(".card[data-id]:not([data-leaving])")].filter((card) => !FINAL.has(card.dataset.status)).slice(-POLLED);

function schedule() {
  clearTimeout(timer);
  if (!document.hidden && !polling && pending().length) timer = setTimeout(poll, delay);
}

function pollSoon() {
  delay = FASTEST;
  schedule();
}

async function poll() {
  polling = true;
  const waiting = pending();
  const { found, seconds } = await ask(waiting.map((card) => card.dataset.id));
  polling = false;
  banner("polling", found || seconds ? "" : texts.offline);
  delay = seconds ? seconds * 1000 : found ? Math.min(delay * 1.3, SLOWEST) : Math.min(delay * 2, OFFLINE);
  const there = waiting.filter((card) => card.isConnected && !("leaving" in card.dataset));
  if (found) for (const card of there) found.has(card.dataset.id) ? update(card, found.get(card.dataset.id)) : leave(card);
  schedule();
}

// `found`: by identifier, where they were told; `seconds` to wait, where too much was asked.
async function ask(ids) {
  try {
    const signal = AbortSignal.timeout(STALLED);
    const response = await fetch(`${API}?page_size=${POLLED}&id=${ids.join(",")}`, { signal });
    if (response.status === 429) return { seconds: secondsToWait(response) };
    if (!response.ok) return {};
    return { found: new Map((await response.json()).results.map((prediction) => [prediction.id, prediction])) };
  } catch {
    return {};
  }
}

document.addEventListener("visibilitychange", pollSoon);
addEventListener("online", () => {
  pollSoon();
  tryAllAgain();
});
addEventListener("beforeunload", (event) => unsent() && event.preventDefault());
// A page that the browser has kept does not know what was deleted or corrected since.
addEventListener("pageshow", (event) => {
  if (event.persisted && !unsent() && !cards.querySelector(".gone, [data-status=refused]")) location.reload();
});

// The whole window takes photos: dropped, pasted or chosen

// What is copied on a screen comes as PNG, and nobody was asked for the format.
async function asJpeg(file) {
  if (file.type === "image/jpeg") return file;
  const bitmap = await createImageBitmap(file).catch(() => null);
  if (!bitmap) return file;
  const canvas = new OffscreenCanvas(bitmap.width, bitmap.height);
  const context = canvas.getContext("2d");
  context.fillStyle = "white"; // JPEG knows no transparency
  context.fillRect(0, 0, bitmap.width, bitmap.height);
  context.drawImage(bitmap, 0, 0);
  const blob = await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
  return new File([blob], file.name.replace(/\.\w+$/, ".jpg"), { type: blob.type });
}

const holdsFiles = (event) => event.dataTransfer?.types.includes("Files");
let depth = 0; // dragenter and dragleave also fire for every element crossed

function drag(event, change) {
  if (!holdsFiles(event)) return;
  event.preventDefault();
  depth = Math.max(0, depth + change);
  document.body.classList.toggle("dragging", depth > 0);
}

function drop(event) {
  if (!holdsFiles(event)) return;
  drag(event, -depth);
  const items = [...event.dataTransfer.items].filter((item) => item.kind === "file");
  const files = items.filter((item) => !item.webkitGetAsEntry?.()?.isDirectory);
  choose(files.map((item) => item.getAsFile()), files.length < items.length ? texts.folder : null);
}

if (form) {
  document.body.classList.add("scripted");
  form.addEventListener("submit", (event) => event.preventDefault());
  input.addEventListener("change", () => {
    choose(input.files);
    input.value = "";
  });
  input.addEventListener("keydown", (event) => {
    if (event.key !== "Enter") return; // would try to submit the form
    event.preventDefault();
    input.click();
  });
  addEventListener("dragenter", (event) => drag(event, 1));
  addEventListener("dragleave", (event) => drag(event, -1));
  addEventListener("dragover", (event) => drag(event, 0));
  addEventListener("drop", drop);
  addEventListener("paste", async (event) => {
    const files = [...(event.clipboardData?.files ?? [])];
    choose(await Promise.all(files.map(asJpeg)));
  });
}

// History: the next page is appended in place

async function loadMore(link) {
  const response = await fetch(link.href).catch(() => null);
  if (!response?.ok) return location.assign(link.href);
  const page = new DOMParser().parseFromString(await response.text(), "text/html");
  const older = [...page.querySelectorAll("#cards > .card")];
  cards.append(...older);
  older.forEach(wire);
  older[0]?.querySelector("a")?.focus();
  const next = page.getElementById("more");
  next ? link.replaceWith(document.adoptNode(next)) : link.closest(".more").remove();
  schedule();
}

document.addEventListener("click", (event) => {
  const link = event.target.closest("#more");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  if (link.ariaBusy) return;
  link.ariaBusy = "true";
  loadMore(link);
});

for (const card of cards.children) wire(card);
if (location.hash === "#wrong") document.querySelector(".dispute")?.setAttribute("open", ""); // older browsers do not
schedule();
