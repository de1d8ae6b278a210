// The live picture, the notice over it, the snapshot and the full screen.
import { byId, get, setText } from "./dom.js";
import { changeDetector, restartRule } from "./frozen.js";

const RETRY_MS = 2000;
const STILL_MS = 6000; // a stream without a new picture for so long is taken for ended
const STILL_MAX_MS = 300000;

const picture = byId("picture");
let number = 0;
let retry = 0;
let wanted = false;
const changed = changeDetector();
const isDue = restartRule(STILL_MS, STILL_MAX_MS);

/** Start the stream, or start it again. */
export function startPicture() {
  wanted = true;
  clearTimeout(retry);
  // A new address each time: a browser shows a broken stream of the same address from memory.
  number += 1;
  picture.src = `/stream.mjpg?view=${number}`;
}

/** End the stream: the camera's computer encodes pictures only while somebody looks. */
export function stopPicture() {
  wanted = false;
  clearTimeout(retry);
  picture.removeAttribute("src");
}

/** Cover the picture with a notice; null takes it away. */
export function showNotice(notice) {
  const overlay = byId("notice");
  overlay.hidden = notice === null;
  byId("screen").classList.toggle("stale", notice !== null);
  if (notice === null || overlay.dataset.text === notice.join("\n")) return;
  overlay.dataset.text = notice.join("\n");
  const title = document.createElement("strong");
  title.textContent = notice[0];
  const text = document.createElement("span");
  text.textContent = notice[1] ?? "";
  overlay.replaceChildren(title, text);
}

/** Start the stream again if it stands still. To be called while new pictures are expected. */
export function watchPicture(now) {
  if (wanted && isDue(changed(picture), now)) startPicture();
}

function retryLater() {
  picture.classList.add("broken");
  clearTimeout(retry);
  retry = setTimeout(() => wanted && startPicture(), RETRY_MS);
}

async function saveSnapshot(event) {
  event.preventDefault(); // a plain link would save the text of an error as a picture
  const note = byId("snapshot-note");
  try {
    const response = await get("/snapshot.jpg", "image/jpeg");
    download(await response.blob(), snapshotName(new Date()));
    setText(note, "Saved.");
  } catch {
    setText(note, "There is no picture to save now.");
  }
  setTimeout(() => setText(note, ""), 5000);
}

function download(blob, name) {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 60000);
}

function snapshotName(time) {
  const two = (value) => String(value).padStart(2, "0");
  const day = [time.getFullYear(), two(time.getMonth() + 1), two(time.getDate())].join("-");
  const clock = [time.getHours(), time.getMinutes(), time.getSeconds()].map(two).join("-");
  return `facet-${day}-${clock}.jpg`;
}

function toggleFullscreen() {
  if (document.fullscreenElement) document.exitFullscreen();
  else byId("screen").requestFullscreen();
}

/** Connect the buttons. */
export function preparePicture() {
  picture.addEventListener("error", retryLater);
  picture.addEventListener("load", () => picture.classList.remove("broken"));
  byId("snapshot").addEventListener("click", saveSnapshot);
  // Phones of Apple have no full screen for pictures.
  byId("fullscreen").hidden = !document.fullscreenEnabled;
  byId("fullscreen").addEventListener("click", toggleFullscreen);
}
