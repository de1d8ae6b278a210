// Small helpers that every part of the page shares.

/** Return the element with an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** Return a new element; text goes in as text, so that a name can never become markup. */
export function element(tag, className = "", text = "") {
  const made = document.createElement(tag);
  if (className) made.className = className;
  if (text) made.textContent = text;
  return made;
}

/** Set a text only if it differs: an equal one would still make a screen reader speak. */
export function setText(target, text) {
  if (target.textContent !== text) target.textContent = text;
}

/**
 * Return the answer of an address of this server; throws for an error.
 *
 * accept: its type. Asked for any type, the server may take the page for another program, and the
 * browser would then show a password window of its own.
 */
export async function get(path, accept) {
  const response = await fetch(path, { cache: "no-store", headers: { accept } });
  // The session has ended, or the password was changed.
  if (response.status === 401 || response.redirected) location.assign("/login#expired");
  if (!response.ok) throw new Error(`${path}: ${response.status}`);
  return response;
}

/** Return the JSON of an address of this server; throws for an error. */
export async function getJson(path) {
  const response = await get(path, "application/json");
  return response.json();
}

/** Return "1 visit" or "3 visits". */
export function counted(number, noun) {
  return `${number.toLocaleString("en")} ${noun}${number === 1 ? "" : "s"}`;
}
