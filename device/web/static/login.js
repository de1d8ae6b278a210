// Sign in without leaving the page, so that a wrong password has its message beside the field.

const form = document.querySelector("form");
const field = document.getElementById("password");
const button = form.querySelector("button");

/** Return the id of the message for an answer of the server; "" for one that lets in. */
function messageFor(response) {
  if (response.status === 429) return "wait";
  const back = new URL(response.url).pathname === "/login"; // sent back to this page
  return response.ok && !back ? "" : "wrong";
}

async function send() {
  button.disabled = true; // comparing a password takes a Raspberry Pi a second
  const body = new URLSearchParams({ password: field.value });
  try {
    const headers = { accept: "application/json" }; // asked for a page, the server sends back here
    const message = messageFor(await fetch("/login", { method: "POST", body, headers }));
    if (message) show(message);
    else location.replace("/");
  } catch {
    show("offline");
  }
  button.disabled = false;
}

/** The style sheet shows the message that the address names. */
function show(message) {
  location.hash = ""; // a second wrong password is to be told again
  location.hash = message;
  requestAnimationFrame(tryAgain);
}

/** The field is ready for the next try, and the message belongs to it. */
function tryAgain() {
  const message = location.hash.slice(1);
  if (!message || !document.getElementById(message)) return;
  field.setAttribute("aria-describedby", message);
  field.focus();
  field.select();
}

form.addEventListener("submit", (event) => {
  event.preventDefault();
  send();
});
// Sooner, and the browser's jump to the message would take the focus away again.
addEventListener("load", () => requestAnimationFrame(tryAgain));
