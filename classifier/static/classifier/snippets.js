// Copies a snippet at the press of its button, and says so.

const SHOWN = 4000; // ms that “Copied” stays

// Browsers keep navigator.clipboard from pages over plain HTTP, as on a network at home.
async function copy(code) {
  mark(code);
  try {
    await navigator.clipboard.writeText(code.textContent);
    return true;
  } catch {
    return document.execCommand("copy");
  }
}

function mark(code) {
  getSelection().selectAllChildren(code);
}

async function pressed(button) {
  const { dataset } = button.closest(".snippet");
  const told = button.parentElement.querySelector("[role=status]");
  const done = await copy(button.closest(".snippet").querySelector("code"));
  if (done) getSelection().removeAllRanges();
  told.textContent = done ? dataset.copied : dataset.failed;
  setTimeout(() => (told.textContent = ""), SHOWN);
}

for (const button of document.querySelectorAll("[data-action=copy]")) {
  button.hidden = false;
  button.addEventListener("click", () => pressed(button));
}
