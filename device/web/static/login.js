// After a wrong password: the field is ready for the next try, and the message belongs to it.
function tryAgain() {
  const message = location.hash.slice(1);
  const field = document.getElementById("password");
  if (!message || !document.getElementById(message)) return;
  field.setAttribute("aria-describedby", message);
  field.focus();
}

// Sooner, and the browser's jump to the message would take the focus away again.
addEventListener("load", () => requestAnimationFrame(tryAgain));
