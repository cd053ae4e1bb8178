// The page's behaviour: send photos, show them at once, poll for their answers, page through history.
// Without this script the form posts and the result page refreshes itself.

const texts = JSON.parse(document.getElementById("texts").textContent);
const cards = document.getElementById("cards");
const form = document.getElementById("upload");
const API = "/api/v1/predictions";
const FINAL = new Set(["succeeded", "failed", "canceled", "expired"]);
// Uploads at a time. The very first goes alone: it is answered with the cookie that makes the
// others this visitor's too.
const parallel = () => (cards.querySelector("[data-id]") ? 3 : 1);
const POLLED = 100; // ids a request; the API's largest page
const FASTEST = 250, SLOWEST = 2000, OFFLINE = 10000; // ms between polls
const SLOW = 10000; // ms of waiting after which we say so

const tenths = new Intl.NumberFormat(texts.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
const percent = (share) => texts.percent.replace("{share}", tenths.format(share * 100));
const moment = new Intl.DateTimeFormat(texts.language, { dateStyle: "short", timeStyle: "short" });

const field = (card, name) => card.querySelector(`[data-field="${name}"]`);
const action = (card, name) => card.querySelector(`[data-action="${name}"]`);
const csrf = () => document.querySelector("[name=csrfmiddlewaretoken]").value;

function announce(text) {
  document.getElementById("announcer").textContent = text;
}

function banner(text) {
  const element = document.getElementById("banner");
  element.textContent = text;
  element.hidden = !text;
}

// Cards

function newCard(file) {
  const card = document.getElementById("card").content.firstElementChild.cloneNode(true);
  const image = card.querySelector("img");
  image.src = URL.createObjectURL(file);
  image.alt = file.name;
  image.addEventListener("error", () => card.querySelector(".picture").classList.add("unreadable"));
  field(card, "name").textContent = file.name;
  field(card, "time").textContent = moment.format(new Date());
  cards.prepend(card);
  document.getElementById("empty")?.setAttribute("hidden", "");
  wire(card);
  return card;
}

function showState(card, text) {
  field(card, "state").textContent = text;
  field(card, "state").hidden = false;
  field(card, "problem").hidden = true;
}

function showProblem(card, problem, canRetry) {
  field(card, "state").hidden = true;
  field(card, "problem").hidden = false;
  field(card, "problem-title").textContent = problem.title;
  field(card, "problem-detail").textContent = problem.detail ?? "";
  action(card, "retry").hidden = !canRetry;
  action(card, "dismiss").hidden = Boolean(card.dataset.id);
  announce(`${field(card, "name").textContent}: ${problem.title}. ${problem.detail ?? ""}`);
}

function showResult(card, result) {
  field(card, "label").textContent = result.label_localized;
  field(card, "confidence").textContent = percent(result.confidence);
  field(card, "top").replaceChildren(...result.top.map(bar));
  field(card, "state").hidden = true;
  field(card, "result").hidden = false;
  announce(`${field(card, "name").textContent}: ${result.label_localized}, ${percent(result.confidence)}`);
}

function bar(entry) {
  const item = document.createElement("li");
  const [name, share] = [document.createElement("span"), document.createElement("span")];
  const meter = document.createElement("meter");
  name.className = "name";
  share.className = "share";
  name.textContent = entry.label_localized;
  share.textContent = percent(entry.confidence);
  Object.assign(meter, { min: 0, max: 1, value: entry.confidence, ariaLabel: entry.label_localized });
  item.append(name, meter, share);
  return item;
}

function update(card, prediction) {
  card.dataset.status = prediction.status;
  if (prediction.model) {
    field(card, "model").textContent = prediction.model.name;
    field(card, "model").title = prediction.model.digest;
  }
  if (prediction.status === "succeeded") showResult(card, prediction.result);
  else if (prediction.error) showProblem(card, prediction.error, false);
  else if (!FINAL.has(prediction.status)) showState(card, waitingText(card, prediction));
}

function waitingText(card, prediction) {
  const waited = Date.now() - new Date(prediction.queued_at);
  return waited > SLOW ? `${texts[prediction.status]}. ${texts.slow}` : texts[prediction.status];
}

// What the buttons of a card do

function wire(card) {
  const remove = action(card, "delete");
  remove.hidden = !card.dataset.id;
  remove.addEventListener("click", () => (remove.classList.contains("sure") ? erase(card) : askFirst(remove)));
  action(card, "dismiss").addEventListener("click", () => leave(card));
}

function askFirst(button) {
  button.classList.add("sure");
  button.textContent = texts.sure;
  setTimeout(() => {
    button.classList.remove("sure");
    button.textContent = texts.delete;
  }, 5000);
}

async function erase(card) {
  try {
    const response = await fetch(`${API}/${card.dataset.id}`, { method: "DELETE", headers: { "X-CSRFToken": csrf() } });
    if (!response.ok && response.status !== 404) throw new Error(response.status);
    announce(texts.deleted);
    leave(card);
  } catch {
    announce(texts.offline);
  }
}

function leave(card) {
  const next = card.nextElementSibling ?? card.previousElementSibling;
  card.remove();
  (next?.querySelector("a[href], button:not([hidden])") ?? document.getElementById("files"))?.focus();
  document.getElementById("empty")?.toggleAttribute("hidden", cards.children.length > 0);
}

// Uploads: a few at a time, each with a fate of its own

const queue = [];
let uploading = 0;

function choose(files) {
  if (!files.length) return;
  if (files.length > texts.maxImages) {
    const { title, detail } = texts.tooMany;
    banner(`${title}. ${detail}`);
    announce(`${title}. ${detail}`);
    return;
  }
  banner("");
  // The last is put on top first, so that the first ends up uppermost.
  for (const file of [...files].reverse()) queue.unshift({ file, card: newCard(file) });
  for (const { card } of queue) showState(card, texts.uploading);
  pump();
}

function pump() {
  while (uploading < parallel() && queue.length) {
    uploading += 1;
    const { file, card } = queue.shift();
    upload(file, card).finally(() => {
      uploading -= 1;
      pump();
    });
  }
}

async function upload(file, card) {
  if (file.size > texts.maxBytes) return showProblem(card, texts.tooLarge, false);
  const body = new FormData();
  body.append("image", file);
  try {
    const response = await fetch(API, { method: "POST", body, headers: { "X-CSRFToken": csrf() } });
    const answer = await response.json();
    if (!response.ok) return showProblem(card, answer, response.status >= 500);
    accepted(card, answer);
  } catch {
    retryable(card, file);
  }
}

function accepted(card, prediction) {
  card.dataset.id = prediction.id;
  card.querySelector(".picture").href = prediction.url;
  action(card, "delete").hidden = false;
  update(card, prediction);
  delay = FASTEST;
  schedule();
}

function retryable(card, file) {
  showProblem(card, { title: texts.failed }, true);
  action(card, "retry").onclick = () => {
    showState(card, texts.uploading);
    queue.push({ file, card });
    pump();
  };
}

// Polling: one request for all that is pending, ever slower, and none while nobody looks

let delay = FASTEST;
let timer = null;

const pending = () => [...cards.querySelectorAll(".card[data-id]")].filter((card) => !FINAL.has(card.dataset.status)).slice(0, POLLED);

function schedule() {
  clearTimeout(timer);
  timer = null;
  if (document.hidden || !pending().length) return;
  timer = setTimeout(poll, delay);
}

async function poll() {
  const waiting = pending();
  const ids = waiting.map((card) => card.dataset.id);
  try {
    const response = await fetch(`${API}?page_size=${POLLED}&id=${ids.join(",")}`);
    if (!response.ok) throw new Error(response.status);
    const found = new Map((await response.json()).results.map((prediction) => [prediction.id, prediction]));
    for (const card of waiting) found.has(card.dataset.id) ? update(card, found.get(card.dataset.id)) : card.remove();
    banner("");
    delay = Math.min(delay * 1.3, SLOWEST);
  } catch {
    banner(texts.offline);
    delay = Math.min(delay * 2, OFFLINE);
  }
  schedule();
}

document.addEventListener("visibilitychange", () => {
  delay = FASTEST;
  schedule();
});

// The whole window takes photos: dropped, pasted or chosen

if (form) {
  const input = document.getElementById("files");
  document.body.classList.add("scripted");
  input.addEventListener("change", () => {
    choose([...input.files]);
    input.value = "";
  });
  form.addEventListener("submit", (event) => event.preventDefault());
  let depth = 0; // dragenter and dragleave also fire for every element crossed
  const drag = (change) => (event) => {
    if (!event.dataTransfer?.types.includes("Files")) return;
    event.preventDefault();
    depth = Math.max(0, depth + change);
    document.body.classList.toggle("dragging", depth > 0);
  };
  addEventListener("dragenter", drag(1));
  addEventListener("dragleave", drag(-1));
  addEventListener("dragover", (event) => event.preventDefault());
  addEventListener("drop", (event) => {
    event.preventDefault();
    depth = 0;
    document.body.classList.remove("dragging");
    choose([...(event.dataTransfer?.files ?? [])]);
  });
  addEventListener("paste", (event) => choose([...(event.clipboardData?.files ?? [])]));
}

// History: the next page is appended in place

document.addEventListener("click", async (event) => {
  const link = event.target.closest("#more");
  if (!link || event.ctrlKey || event.metaKey || event.shiftKey) return;
  event.preventDefault();
  try {
    const response = await fetch(link.href);
    if (!response.ok) throw new Error(response.status);
    const page = new DOMParser().parseFromString(await response.text(), "text/html");
    const older = [...page.querySelectorAll("#cards > .card")];
    cards.append(...older);
    older.forEach(wire);
    older[0]?.querySelector("a")?.focus();
    const next = page.getElementById("more");
    next ? (link.href = next.href) : link.closest(".more").remove();
    schedule();
  } catch {
    location.href = link.href;
  }
});

for (const card of cards.children) wire(card);
schedule();
