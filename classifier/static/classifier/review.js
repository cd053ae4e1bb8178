// The review page: images are dealt in advance, a key decides, and the next one is there at once.
// What is decided is shown first and sent after, in order; what could not be sent waits and is sent again.

const texts = JSON.parse(document.getElementById("texts").textContent);
const by = (id) => document.getElementById(id);
const grid = by("grid"), palette = by("palette"), find = by("find"), help = by("help");
const KEYS = "1234567890";
const LOCKED = texts.lockSeconds * 1000;
const MOST = 50; // tiles a page; twice as many are asked for at once, and 100 are the most that are dealt
const SOONEST = 1000, LATEST = 10000; // ms between attempts to reach the service
const SPOKEN = 20000; // ms that an announcement stays for a screen reader to reach it
const READ = 5000; // ms that a banner stays at least, however fast the next decision comes

const tenths = new Intl.NumberFormat(texts.language, { minimumFractionDigits: 1, maximumFractionDigits: 1 });
// What only rounding would make certain is "> 99.9%".
const percent = (share) => {
  const nearly = share < 1 && share >= 0.9995;
  return (nearly ? ">\u00a0" : "") + texts.percent.replace("{share}", tenths.format(nearly ? 99.9 : share * 100));
};
const fill = (pattern, label) => pattern.replace("{label}", label);
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
// The cookie is newer than the page, where somebody has logged in again in another tab.
const csrf = () => document.cookie.match(/(?:^|; )csrftoken=([^;]+)/)?.[1] ?? document.querySelector("[name=csrfmiddlewaretoken]").value;

const models = {}; // id: [{ id, name }]
const reserve = []; // items that were dealt and are not shown yet
const undoable = []; // groups of what was said at once, the last one last
let shown = []; // tiles: { item, element, said, review }
let chosen = new Set();
let current = null, anchor = null;
let several = false;
let decided = 0;
let unsent = 0;
let contact = Date.now(); // when the service last answered, and with it when the locks were renewed

// Asking the service

async function ask(path, body) {
  const headers = { "Content-Type": "application/json", "X-CSRFToken": csrf() };
  const response = await fetch(path, { method: "POST", headers, body: JSON.stringify({ ...body, page: texts.page }) });
  if (response.status === 400 || response.status === 404) throw new Error("refused");
  if (!response.ok) throw new Error(response.status === 403 ? "loggedOut" : "offline");
  contact = Date.now();
  return response.json();
}

let troubled = false; // whether the banner says why nothing can be sent

// Until it is answered, or refused: then null.
async function insist(path, body) {
  for (let wait = SOONEST; ; wait = Math.min(wait * 2, LATEST)) {
    try {
      const answer = await ask(path, body);
      if (troubled) banner("");
      troubled = false;
      return answer;
    } catch (error) {
      troubled = error.message !== "refused";
      banner(texts[error.message] ?? texts.offline);
      if (!troubled) return null;
      await pause(wait);
    }
  }
}

let line = Promise.resolve(); // what is said and undone, in the order in which it was

function send(task) {
  unsent += 1;
  line = line.then(task).finally(() => (unsent -= 1));
}

let bannered = 0; // when the banner was last written

function banner(text) {
  bannered = Date.now();
  by("banner").textContent = text;
  by("banner").hidden = !text;
}

function announce(text) {
  const said = document.createElement("p");
  said.textContent = text;
  by("announcer").append(said);
  setTimeout(() => said.remove(), SPOKEN);
}

// Dealing

const columns = () => getComputedStyle(grid).gridTemplateColumns.split(" ").length;

// As many as fill the window, in whole rows, of which twice as many can be asked for. A tile of the last page tells how
// high one is.
function fit() {
  const desk = palette.parentElement.offsetHeight;
  const height = innerHeight - (grid.getBoundingClientRect().top + scrollY) - desk;
  const one = current?.element.offsetHeight || 360;
  const most = Math.min(6, Math.floor(MOST / columns()));
  return columns() * Math.min(most, Math.max(2, Math.round(height / one)));
}

let dealing = null;

function deal(n) {
  dealing ??= dealMore(n).finally(() => (dealing = null));
  return dealing;
}

async function dealMore(n) {
  await line; // what is decided must be known there first, or it would be dealt again
  const have = [...reserve, ...shown.map((tile) => tile.item)].map((item) => item.image);
  const answer = await insist("deal", { order: texts.order, n, have });
  if (!answer) return;
  Object.assign(models, answer.models);
  reserve.push(...answer.items);
  for (const item of answer.items) new Image().src = item.src; // so that it is there when its turn comes
}

async function nextPage() {
  const n = fit();
  chosen.clear();
  grid.setAttribute("aria-busy", "true");
  if (!reserve.length) await deal(2 * n);
  if (!reserve.length) await deal(2 * n); // the one in flight may have come too early to find any
  if (shown.some((tile) => !tile.said)) return grid.setAttribute("aria-busy", "false"); // undone meanwhile
  shown = reserve.splice(0, n).map(newTile);
  grid.replaceChildren(...shown.map((tile) => tile.element));
  grid.setAttribute("aria-busy", "false");
  by("done").hidden = shown.length > 0;
  grid.hidden = shown.length === 0;
  scrollTo({ top: 0 });
  if (shown.length) moveTo(shown[0]);
  else tellTheEnd();
  if (reserve.length < n) deal(n);
}

function tellTheEnd() {
  current = null;
  announce(by("done").textContent.trim().replace(/\s+/g, " "));
}

// Tiles

function newTile(item) {
  const element = by("tile").content.firstElementChild.cloneNode(true);
  const tile = { item, element, said: null };
  element.querySelector("img").src = item.src;
  element.querySelector(".guess .name").textContent = item.name;
  element.querySelector(".guess .share").textContent = percent(item.confidence);
  element.querySelector(".top").replaceChildren(...item.top.map((entry) => bar(entry, item)));
  showProposals(element.querySelector(".proposal"), item);
  element.addEventListener("click", (event) => click(tile, event));
  element.addEventListener("mousedown", (event) => event.shiftKey && event.preventDefault()); // no text selection
  mark(tile, null);
  return tile;
}

function showProposals(element, item) {
  const told = item.proposals.map(({ stream, name }) => fill(texts[stream], name || texts.none));
  if (item.off_topic) told.push(texts.offTopic);
  element.textContent = told.join(" · ");
  element.hidden = !told.length;
}

function bar(entry, item) {
  const row = by("bar").content.firstElementChild.cloneNode(true);
  const at = models[item.model].findIndex((known) => known.id === entry.label);
  row.querySelector("kbd").textContent = KEYS[at] ?? "";
  row.querySelector(".name").textContent = entry.label_localized;
  row.querySelector("rect").setAttribute("width", (entry.confidence * 100).toFixed(1));
  row.querySelector(".share").textContent = percent(entry.confidence);
  return row;
}

// `said`: { kind, text } or null where nothing is.
function mark(tile, said) {
  tile.said = said;
  const note = tile.element.querySelector(".said");
  note.className = `said ${said?.kind ?? ""}`;
  note.textContent = said?.text ?? "";
  note.hidden = !said;
  tile.element.classList.toggle("settled", Boolean(said));
  const { name, confidence, file } = tile.item;
  const proposal = tile.element.querySelector(".proposal").textContent;
  const told = [said?.text, `${name}, ${percent(confidence)}`, proposal, file];
  tile.element.setAttribute("aria-label", told.filter(Boolean).join(". "));
}

// Moving and choosing

function moveTo(tile, { extend = false, keep = false } = {}) {
  current?.element.classList.remove("current");
  if (current) current.element.tabIndex = -1;
  current = tile;
  if (!extend) anchor = tile;
  if (!keep) chosen = new Set(extend ? between(anchor, tile) : [tile]);
  tile.element.classList.add("current");
  tile.element.tabIndex = 0;
  showChosen();
  showPalette();
  tile.element.focus({ preventScroll: true });
  tile.element.scrollIntoView({ block: "nearest" });
}

function between(one, other) {
  const ends = [shown.indexOf(one), shown.indexOf(other)].sort((a, b) => a - b);
  const range = shown.slice(ends[0], ends[1] + 1).filter((tile) => !tile.said);
  return range.length ? range : [other];
}

function showChosen() {
  const many = chosen.size > 1 || several;
  for (const tile of shown) tile.element.setAttribute("aria-selected", String(many && chosen.has(tile)));
  by("count").textContent = many ? texts.chosen.replace("{n}", chosen.size) : decided ? texts.count.replace("{n}", decided) : "";
  button("several").setAttribute("aria-pressed", String(several));
}

function click(tile, event) {
  const add = several || event.ctrlKey || event.metaKey;
  if (!add) return moveTo(tile, { extend: event.shiftKey });
  if (chosen.has(tile) && (chosen.size > 1 || several)) chosen.delete(tile);
  else chosen.add(tile);
  moveTo(tile, { keep: true });
}

function step(by, extend) {
  const next = shown[shown.indexOf(current) + by];
  if (next) moveTo(next, { extend });
}

function chooseAll() {
  const open = shown.filter((tile) => !tile.said);
  if (!open.length) return;
  chosen = new Set(open);
  moveTo(open.includes(current) ? current : open[0], { keep: true });
}

// Deciding

// `word` has a label, or is none of them ({ label: "" }), or a skip; without one each tile's own answer is right.
function decide(word) {
  const meant = [...chosen].filter((tile) => !word?.label || classOf(tile, word.label));
  if (!meant.length) return;
  const wordOf = (tile) => ({ prediction: tile.item.id, ...(word ?? { label: tile.item.label }) });
  // What is said already is not said again: to undo that would take back the first time too.
  const tiles = meant.filter((tile) => tile.said?.text !== saidOf(tile, wordOf(tile)).text);
  if (!tiles.length) return goOn(meant.at(-1));
  const group = { tiles, before: tiles.map((tile) => tile.said), reviews: [] };
  const words = tiles.map(wordOf);
  tiles.forEach((tile, i) => mark(tile, saidOf(tile, words[i])));
  undoable.push(group);
  decided += tiles.length;
  if (!troubled && Date.now() - bannered > READ) banner("");
  send(() => tell(group, words));
  announce(tiles.length > 1 ? `${tiles[0].said.text}, ${texts.chosen.replace("{n}", tiles.length)}` : tiles[0].said.text);
  goOn(tiles.at(-1));
}

const classOf = (tile, label) => models[tile.item.model].find((known) => known.id === label);

function saidOf(tile, { label, skip }) {
  if (skip) return { kind: "skip", text: texts.skip };
  if (!label) return { kind: "none", text: texts.none };
  const kind = label === tile.item.label ? "agree" : "other";
  return { kind, text: fill(texts[kind], classOf(tile, label).name) };
}

async function tell(group, words) {
  const answer = await insist("words", { words });
  group.reviews = answer?.reviews ?? [];
  const lost = group.tiles.filter((_tile, i) => !group.reviews[i]);
  if (!lost.length) return;
  if (answer) banner(texts.gone);
  for (const tile of lost) mark(tile, answer ? { kind: "gone", text: texts.gone } : null);
  decided -= lost.length;
  showChosen();
}

// The next that is open, from the last decided one on; then the next page.
function goOn(last) {
  several = false;
  const at = shown.indexOf(last);
  const next = [...shown.slice(at + 1), ...shown.slice(0, at)].find((tile) => !tile.said);
  if (next) return moveTo(next);
  nextPage();
}

function undo() {
  const group = undoable.pop();
  if (!group) return announce(texts.nothingToUndo);
  group.tiles.forEach((tile, i) => mark(tile, group.before[i]));
  decided -= group.tiles.length;
  bringBack(group.tiles);
  announce(texts.undone);
  send(() => withdraw(group));
}

async function withdraw(group) {
  const reviews = group.reviews.filter(Boolean);
  if (reviews.length) await insist("withdraw", { reviews });
}

// Also from a page that was left already.
function bringBack(tiles) {
  const away = tiles.filter((tile) => !shown.includes(tile));
  shown = [...away, ...shown];
  grid.prepend(...away.map((tile) => tile.element));
  by("done").hidden = true;
  grid.hidden = false;
  several = false;
  moveTo(tiles[0]);
}

// The desk

const button = (act) => document.querySelector(`[data-act="${act}"]`);

function showPalette() {
  const { model, label } = current.item;
  if (palette.dataset.model !== String(model)) fillPalette(model);
  for (const each of palette.children) each.classList.toggle("guessed", each.dataset.label === label);
}

function fillPalette(model) {
  palette.dataset.model = model;
  find.hidden = models[model].length <= KEYS.length;
  palette.replaceChildren(
    ...models[model].map(({ id, name }, i) => {
      const choice = document.createElement("button");
      choice.type = "button";
      choice.dataset.label = id;
      if (KEYS[i]) choice.append(Object.assign(document.createElement("kbd"), { textContent: KEYS[i] }), " ");
      choice.append(name);
      choice.addEventListener("click", () => current && decide({ label: id }));
      return choice;
    }),
  );
}

find.addEventListener("input", () => {
  const wanted = find.value.trim().toLowerCase();
  for (const each of palette.children) each.hidden = !each.textContent.toLowerCase().includes(wanted);
});

find.addEventListener("keydown", (event) => {
  if (event.key === "Enter") [...palette.children].find((each) => !each.hidden)?.click();
  if (event.key !== "Enter" && event.key !== "Escape") return;
  event.preventDefault();
  event.stopPropagation();
  find.value = "";
  for (const each of palette.children) each.hidden = false;
  current?.element.focus();
});

const ACTS = {
  agree: () => current && decide(null),
  none: () => current && decide({ label: "" }),
  skip: () => current && decide({ skip: true }),
  undo,
  several: () => {
    several = !several;
    chosen = new Set(several ? [] : current ? [current] : []);
    showChosen();
  },
  help: () => help.showModal(),
  resume: () => resume(),
};

document.addEventListener("click", (event) => {
  const act = event.target.closest("[data-act]")?.dataset.act;
  if (act) ACTS[act]();
});

// Keys. Letters go by their place where the layout has no Latin ones.

const PLACES = { KeyN: "n", KeyS: "s" };

function keyOf(event) {
  if (event.key === "?" || (event.code === "Slash" && event.shiftKey)) return "?";
  if (event.key === "/" || event.code === "Slash") return "/";
  if (/^[a-z]$/i.test(event.key)) return event.key.toLowerCase();
  return PLACES[event.code] ?? event.key;
}

const ON_KEY = {
  Enter: ACTS.agree,
  n: ACTS.none,
  s: ACTS.skip,
  Backspace: undo,
  "?": ACTS.help,
  "/": () => find.hidden || find.focus(),
  Escape: () => {
    several = false;
    if (current) moveTo(current);
  },
  ArrowRight: (event) => step(1, event.shiftKey),
  ArrowLeft: (event) => step(-1, event.shiftKey),
  ArrowDown: (event) => step(columns(), event.shiftKey),
  ArrowUp: (event) => step(-columns(), event.shiftKey),
};

document.addEventListener("keydown", (event) => {
  if (help.open || event.target === find || event.altKey) return;
  if (event.target.closest("button, a, input, select") && ["Enter", " ", "Tab"].includes(event.key)) return;
  if (!by("paused").hidden) return resume();
  if (event.ctrlKey || event.metaKey) {
    if (event.code !== "KeyA") return;
    event.preventDefault();
    return chooseAll();
  }
  const key = keyOf(event);
  const digit = KEYS.indexOf(key);
  const choice = key.length === 1 && digit >= 0 && current && models[current.item.model][digit];
  const act = choice ? () => decide({ label: choice.id }) : ON_KEY[key];
  if (!act) return;
  event.preventDefault();
  act(event);
});

// Locks: what is held is renewed while somebody is there, and given up when they leave

function held() {
  return [...reserve, ...shown.filter((tile) => !tile.said).map((tile) => tile.item)].map((item) => item.image);
}

function stale() {
  if (Date.now() - contact < LOCKED || grid.hidden || unsent) return;
  reserve.length = undoable.length = shown.length = 0;
  current = null;
  grid.replaceChildren();
  grid.hidden = true;
  by("paused").hidden = false;
  by("paused").querySelector("button").focus();
}

async function resume() {
  by("paused").hidden = true;
  grid.hidden = false;
  contact = Date.now();
  await nextPage();
}

function active() {
  if (!by("paused").hidden || Date.now() - contact < LOCKED / 2) return;
  contact = Date.now();
  deal(1); // any question renews the locks
}

setInterval(stale, Math.min(5000, LOCKED / 4));
document.addEventListener("visibilitychange", stale);
for (const kind of ["keydown", "pointerdown", "pointermove"]) addEventListener(kind, active, { passive: true });

addEventListener("beforeunload", (event) => unsent && event.preventDefault());
addEventListener("pagehide", () => {
  const form = new FormData();
  form.append("csrfmiddlewaretoken", csrf());
  form.append("page", texts.page);
  for (const image of held()) form.append("images", image);
  navigator.sendBeacon("release", form);
});
addEventListener("pageshow", (event) => event.persisted && location.reload());

document.querySelector(".orders [aria-current]").scrollIntoView({ inline: "center", block: "nearest" });
nextPage();
