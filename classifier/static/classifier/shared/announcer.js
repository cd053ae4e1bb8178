// Tells screen readers what has changed.

const SPOKEN = 20000; // ms that an announcement stays for a screen reader to reach it

export function announce(text) {
  const line = document.createElement("p");
  line.textContent = text;
  document.getElementById("announcer").append(line);
  setTimeout(() => line.remove(), SPOKEN);
}
