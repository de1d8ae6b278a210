// The people in view: one card for each, which stays in place while it changes.
import { chosen, percent, words } from "./attributes.js";
import { byId, counted, element, setText } from "./dom.js";

const LINGER_MS = 1500; // a face that is missed for a moment keeps its card
const COLOURS = 5; // of the boxes in the picture
const ANNOUNCE_MS = 3000; // a screen reader hears the number of people once it is settled

const WHY = {
  "too small": "too far away to tell",
  blurred: "too blurred to tell",
  "turned away": "turned away",
  "too dark": "too dark to tell",
  "too bright": "too bright to tell",
  "upside down": "upside down",
};

const cards = new Map(); // id of the face -> its card

/** Show the newest faces. now: ms of any clock that only runs forward. */
export function showPeople(faces, now) {
  for (const face of faces) {
    const card = cards.get(face.id) ?? addCard(face.id);
    card.seen = now;
    update(card, face);
  }
  for (const [id, card] of cards) leave(id, card, now);
  const people = faces.length;
  setText(byId("people-count"), people ? String(people) : "");
  byId("nobody").hidden = cards.size > 0;
  setText(byId("nobody"), "Nobody is in view.");
  announce(people);
}

/** Say why nobody is shown while there is no picture. */
export function explainEmpty(text) {
  if (!cards.size) setText(byId("nobody"), text);
}

function addCard(id) {
  const root = element("li", "person");
  const heading = element("h3");
  const card = { root, seen: 0, shown: [], bars: new Map(), all: new Map() };
  card.swatch = heading.appendChild(element("span", "swatch"));
  card.name = heading.appendChild(element("span"));
  card.why = heading.appendChild(element("span", "why"));
  card.labels = element("ul", "labels");
  card.few = element("ul", "bars");
  card.details = element("details");
  card.summary = card.details.appendChild(element("summary"));
  card.list = card.details.appendChild(element("ul", "bars"));
  root.append(heading, card.labels, card.few, card.details);
  insertInOrder(root, id);
  cards.set(id, card);
  return card;
}

/** Cards stand in the order of their ids: by position, people who pass would swap cards. */
function insertInOrder(root, id) {
  root.dataset.id = id;
  const list = byId("people-list");
  const after = [...list.children].find((other) => Number(other.dataset.id) > id);
  list.insertBefore(root, after ?? null);
}

function update(card, face) {
  const classified = face.state === "ok";
  card.root.classList.remove("gone");
  card.swatch.className = classified ? `swatch colour-${face.id % COLOURS}` : "swatch";
  setText(card.name, face.person || `Face ${face.id}`);
  setText(card.why, classified ? "" : WHY[face.state] ?? face.state);
  showLabels(card.labels, face.labels);
  // A face that turns away keeps its last bars, paler: an empty card would make the page jump.
  card.few.classList.toggle("uncertain", !classified);
  if (Object.keys(face.attributes).length) showBars(card, face.attributes);
  else card.details.hidden = !card.all.size && !card.few.children.length;
}

function showLabels(list, labels) {
  const text = labels.join("\n");
  if (list.dataset.text === text) return;
  list.dataset.text = text;
  list.replaceChildren(...labels.map((label) => element("li", "", label)));
}

function showBars(card, attributes) {
  const names = Object.keys(attributes);
  card.shown = chosen(card.shown, attributes);
  fill(card.few, card.bars, card.shown, attributes);
  card.details.hidden = names.length <= card.shown.length;
  const text = `All ${counted(names.length, "attribute")}`;
  setText(card.summary, text);
  // Read out of its place, "All 22 attributes" would not say whose.
  card.summary.setAttribute("aria-label", `${text} of ${card.name.textContent}`);
  // Closed, nobody sees them: a phone's battery is spared.
  if (card.details.open) fill(card.list, card.all, names, attributes);
}

/** Show one bar for each name, in this order; a bar that was there moves to its new length. */
function fill(list, bars, names, attributes) {
  for (const name of names) if (!bars.has(name)) bars.set(name, newBar(name));
  const rows = names.map((name) => bars.get(name));
  if (rows.some((bar, place) => list.children[place] !== bar.row)) {
    list.replaceChildren(...rows.map((bar) => bar.row));
  }
  for (const [place, name] of names.entries()) setBar(rows[place], attributes[name]);
}

function newBar(name) {
  const row = element("li");
  row.append(element("span", "", words(name)));
  const bar = row.appendChild(element("span", "meter"));
  bar.setAttribute("aria-hidden", "true"); // the number beside it says the same
  const fillElement = bar.appendChild(element("span", "fill"));
  const value = row.appendChild(element("span", "value"));
  return { row, fillElement, value };
}

function setBar(bar, probability) {
  bar.fillElement.style.transform = `translateX(${(probability - 1) * 100}%)`;
  setText(bar.value, percent(probability));
}

function leave(id, card, now) {
  if (card.seen === now) return;
  card.root.classList.add("gone");
  // The card with the keyboard's focus stays until the focus has left it.
  if (now - card.seen < LINGER_MS || card.root.contains(document.activeElement)) return;
  card.root.remove();
  cards.delete(id);
}

let announced = 0;
let waiting = { people: 0, timer: 0 };

function announce(people) {
  if (people === waiting.people) return;
  clearTimeout(waiting.timer);
  waiting = { people, timer: setTimeout(() => speak(people), ANNOUNCE_MS) };
}

function speak(people) {
  if (people === announced) return;
  announced = people;
  const number = people === 1 ? "1 person is" : `${people || "No"} people are`;
  setText(byId("announce"), `${number} in view.`);
}
