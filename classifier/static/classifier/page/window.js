// The whole window takes photos: dropped, pasted or chosen.

import { texts } from "../shared/texts.js";
import { choose } from "./choosing.js";

const form = document.getElementById("upload");
const input = document.getElementById("files");

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
