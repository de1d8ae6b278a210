// The last 24 hours: a chart that the server draws, and the same as a table.
import { byId, element, get, getJson, setText } from "./dom.js";

const CLOCK = { hour: "2-digit", minute: "2-digit" };

/** Load the chart and, if it is open, the table. */
export async function loadVisits() {
  const details = byId("hours-details");
  await Promise.allSettled([loadChart(), details.open ? loadTable() : null]);
}

/** Load the table when it is opened. */
export function prepareVisits() {
  const details = byId("hours-details");
  details.addEventListener("toggle", () => details.open && loadTable().catch(() => {}));
}

async function loadChart() {
  const response = await get("/chart/hours.svg", "image/svg+xml");
  // Its own colours are for a chart that stands alone; here the page's style sheet has them, and
  // the page's policy allows no other.
  const text = (await response.text()).replace(/<style>.*?<\/style>/s, "");
  const parsed = new DOMParser().parseFromString(text, "image/svg+xml");
  const chart = parsed.documentElement;
  if (chart.localName !== "svg") return; // the parser's own account of an error
  const summary = chart.querySelector("desc")?.textContent ?? "";
  // The sentence below is its text alternative; without this it would be read twice.
  chart.setAttribute("aria-hidden", "true");
  byId("chart").replaceChildren(document.importNode(chart, true));
  setText(byId("chart-text"), `Last 24 hours: ${summary}`);
}

async function loadTable() {
  const { hours } = await getJson("/api/counts?by=hour");
  byId("hours").replaceChildren(...hours.map(hourRow));
}

function hourRow({ hour, visits }) {
  const row = element("tr");
  const head = element("th", "", new Date(hour).toLocaleTimeString("en-GB", CLOCK));
  head.scope = "row";
  row.append(head, element("td", "", String(visits)));
  return row;
}
