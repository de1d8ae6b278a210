// Figures, checks, settings, and the sign that says what is kept.
import { byId, counted, element, setText } from "./dom.js";

const HOT_C = 80; // a Raspberry Pi slows down from here
const LITTLE_DISK_MB = 500;
const LEVELS = { ok: "OK", warning: "Warning", error: "Error" };
const DAY = { day: "numeric", month: "short", hour: "2-digit", minute: "2-digit" };

/** Show what changes every two seconds. */
export function showFigures(status) {
  setText(byId("camera"), status.camera);
  setText(byId("fps"), `${status.fps.toFixed(1)} frames/s`);
  byId("age-row").hidden = status.age_s === null; // a video has none
  setText(byId("age"), `${(status.age_s ?? 0).toFixed(2)} s old`);
  setText(byId("visits-today"), status.visits_today.toLocaleString("en"));
  showTemperature(status.temperature_c);
  showDisk(status.disk_free_mb);
  showFrames(status);
  showLines(status.lines);
  setText(byId("viewers"), status.viewers.toLocaleString("en"));
}

function showTemperature(celsius) {
  byId("temperature-row").hidden = celsius === null; // not every computer tells
  if (celsius === null) return;
  setText(byId("temperature"), `${celsius.toFixed(0)} °C`);
  const hot = celsius >= HOT_C;
  alarm("temperature", hot);
  setText(byId("temperature-note"), hot ? "hot: the processor slows down" : "of the processor");
}

function showDisk(megabytes) {
  byId("disk-row").hidden = megabytes === null;
  if (megabytes === null) return;
  setText(byId("disk"), size(megabytes));
  const full = megabytes < LITTLE_DISK_MB;
  alarm("disk", full);
  setText(byId("disk-note"), full ? "nearly full" : "where the logs are");
}

function size(megabytes) {
  return megabytes < 1000 ? `${megabytes.toFixed(0)} MB` : `${(megabytes / 1000).toFixed(1)} GB`;
}

function showFrames({ frames, dropped, started }) {
  setText(byId("frames"), frames.toLocaleString("en"));
  setText(byId("started"), `since ${new Date(started).toLocaleString("en-GB", DAY)}`);
  setText(byId("dropped"), dropped.toLocaleString("en"));
  const share = (100 * dropped) / Math.max(1, frames + dropped);
  setText(byId("dropped-note"), dropped && frames ? `${share.toFixed(1)} % of the camera's` : "");
}

function showLines(lines) {
  byId("lines-part").hidden = !lines.length;
  const list = byId("lines");
  const text = JSON.stringify(lines);
  if (list.dataset.text === text) return; // drawn anew, a text that somebody copies is unmarked
  list.dataset.text = text;
  list.replaceChildren(...lines.map(lineRow));
}

function lineRow(line) {
  const row = element("div");
  const sums = [[line.in_name, line.in], [line.out_name, line.out]];
  const values = sums.map(([name, sum]) => {
    const value = element("dd", "sum", `${name} `);
    value.append(element("strong", "", sum.toLocaleString("en")));
    return value;
  });
  row.append(element("dt", "", line.name), ...values);
  return row;
}

function alarm(id, raised) {
  byId(id).classList.toggle("alarm", raised);
  byId(`${id}-note`).classList.toggle("alarm", raised);
}

/** Show what the camera's computer keeps about the people it sees. */
export function showKept(sentences) {
  const list = byId("kept");
  if (list.dataset.text === sentences.join("\n")) return;
  list.dataset.text = sentences.join("\n");
  list.replaceChildren(...sentences.map((sentence) => element("li", "", sentence)));
}

/** Show the doctor's findings: first what needs a hand, then, folded, what is in order. */
export function showChecks(findings) {
  const rank = { error: 0, warning: 1 };
  const open = findings.filter((finding) => finding.level !== "ok");
  open.sort((a, b) => (rank[a.level] ?? 0) - (rank[b.level] ?? 0));
  const passed = findings.filter((finding) => finding.level === "ok");
  byId("checks-empty").hidden = open.length > 0;
  setText(byId("checks-empty"), findings.length ? "Everything is in order." : "No results yet.");
  byId("checks").replaceChildren(...open.map(checkRow));
  byId("passed").hidden = !passed.length;
  setText(byId("passed-count"), `${counted(passed.length, "check")} passed`);
  byId("passed-list").replaceChildren(...passed.map(checkRow));
}

function checkRow({ level, name, text, hint }) {
  const row = element("li");
  const head = row.appendChild(element("p", "check"));
  const known = level in LEVELS ? level : "error";
  head.append(element("span", `level ${known}`, LEVELS[known]), element("strong", "", name));
  row.append(element("p", "", text));
  if (hint) {
    const line = row.appendChild(element("p", "hint", "Try: "));
    line.append(element("code", "", hint));
  }
  return row;
}

/** Show every setting, a table for each part. */
export function showSettings(settings) {
  const tables = Object.entries(settings).flatMap(([name, values]) =>
    // As in the file: [web] is one table, and each of [[rules]] is one.
    Array.isArray(values)
      ? values.map((one) => settingsTable(`[[${name}]]`, one))
      : [settingsTable(`[${name}]`, values)],
  );
  byId("settings").replaceChildren(...tables);
}

function settingsTable(title, values) {
  const table = element("table", "setting");
  table.append(element("caption", "", title));
  const body = table.appendChild(element("tbody"));
  for (const [key, value] of Object.entries(values)) {
    const row = body.appendChild(element("tr"));
    const head = element("th", "", key);
    head.scope = "row";
    row.append(head, element("td", "", value === null ? "–" : JSON.stringify(value)));
  }
  return table;
}
