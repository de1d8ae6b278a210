// The camera's page: what the server tells, where it stands, and what happens when it stops.
import { receive } from "./connection.js";
import { byId, getJson, setText } from "./dom.js";
import { showChecks, showFigures, showKept, showSettings } from "./panels.js";
import { explainEmpty, showPeople } from "./people.js";
import { preparePicture, showNotice, startPicture, stopPicture, watchPicture } from "./picture.js";
import { loadVisits, prepareVisits } from "./visits.js";

const DRAW_MS = 500; // bars move in steps of this, smoothly; faster, and numbers cannot be read
const WATCH_MS = 2000;
const CHART_MS = 60000;
const CHECKS_MS = 60000;
const SOON_MS = 5000; // the doctor has not finished its first checks

let status = null;
let faces = null;
let link = "connecting";
let lostAt = null;
let checksTimer = 0;
const drawn = {};

function setLink(state) {
  if (state === "lost" && link !== "lost") lostAt = new Date();
  link = state;
  describe();
}

/** Say in the pill and over the picture what state all is in. */
function describe() {
  const [state, pill, ...notice] = situation();
  document.body.dataset.link = state;
  setText(byId("state"), pill);
  showNotice(notice.length ? notice : null);
}

function situation() {
  if (link === "lost") {
    const clock = lostAt.toLocaleTimeString("en-GB");
    return ["lost", "Connection lost", "Connection lost",
      `No news since ${clock}. The page tries again by itself.`];
  }
  if (link === "refused") {
    return ["lost", "Too many viewers", "Too many viewers",
      "The page tries again by itself. The setting max_viewers in [web] allows more."];
  }
  if (link === "connecting" || status === null) {
    return ["connecting", "Connecting", "Connecting"];
  }
  if (status.reconnecting) {
    return ["waiting", "Camera reconnecting", "The camera does not answer",
      "Facet tries to open it again by itself."];
  }
  if (!status.frames) {
    return ["waiting", "Starting", "Waiting for the first picture"];
  }
  if (status.privacy !== "faces") return ["live", "Counting"];
  return ["live", "Live"];
}

function takeStatus(news) {
  const before = status;
  status = { ...status, ...news };
  showFigures(status);
  showKept(status.kept);
  describe();
  document.body.dataset.privacy = status.privacy;
  document.title = `${status.camera} – Facet`;
  // The stream may have ended while the camera was away.
  if (!before || (before.reconnecting && !status.reconnecting)) showPicture();
  if (before && before.visits_today !== status.visits_today) loadVisits();
}

/** Load what no event tells, now and then again, for as long as the page has its connection. */
async function loadAll() {
  clearTimeout(checksTimer);
  if (link !== "live") return;
  let pause = SOON_MS;
  try {
    const loaded = await getJson("/api/status");
    takeStatus(loaded);
    if (isNew("doctor", loaded.doctor)) showChecks(loaded.doctor);
    if (isNew("settings", loaded.settings)) showSettings(loaded.settings);
    byId("logout").hidden = !loaded.login;
    if (loaded.doctor.length) pause = CHECKS_MS;
  } catch {
    // The connection's own watch says so, and loads all when it is back.
  }
  clearTimeout(checksTimer);
  checksTimer = setTimeout(loadAll, pause);
}

/** Whether a value differs from the last. Drawn anew, a text that somebody copies is unmarked. */
function isNew(name, value) {
  const text = JSON.stringify(value);
  const changed = drawn[name] !== text;
  drawn[name] = text;
  return changed;
}

/** Start the stream, where the setting privacy permits pictures. */
function showPicture() {
  if (status?.privacy === "faces") startPicture();
}

function draw() {
  if (link !== "live" || document.hidden) return;
  if (!status?.frames) return explainEmpty("Waiting for the first picture.");
  if (faces) showPeople(status.reconnecting ? [] : faces, performance.now());
  if (status.reconnecting) explainEmpty("No picture from the camera.");
}

function watch() {
  const moving = link === "live" && status?.privacy === "faces" && status?.frames && !status.reconnecting;
  if (moving && !document.hidden) watchPicture(performance.now());
}

function begin() {
  preparePicture();
  prepareVisits();
  receive({
    status: takeStatus,
    faces: (news) => { faces = news.faces; },
    live() {
      setLink("live");
      showPicture();
      loadAll();
      getJson("/api/faces").then((news) => { faces ??= news.faces; }).catch(() => {});
      loadVisits();
    },
    lost(refused) {
      setLink(refused ? "refused" : "lost");
      faces = null;
      explainEmpty("No news from the camera.");
    },
    pause() {
      link = "connecting";
      faces = null;
      stopPicture();
    },
  });
  setInterval(draw, DRAW_MS);
  setInterval(watch, WATCH_MS);
  setInterval(() => link === "live" && loadVisits(), CHART_MS);
}

begin();
