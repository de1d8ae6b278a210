// News from the server as they come, and how the page comes back after it lost them.
import { getJson } from "./dom.js";

const SILENT_MS = 8000; // the server sends a status every 2 s: after this the network is gone
const FIRST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 15000;
const HIDDEN_MS = 5000; // a page that nobody sees ends its streams: a browser has six connections

/**
 * Receive the server's events for as long as the page is seen.
 *
 * on: {status(data), faces(data), live(), lost(refused), pause()}. `live` comes each time that the
 * events begin, so what else the page shows can be loaded anew. refused: the server answers, but
 * sends no events to one more viewer.
 */
export function receive(on) {
  let source = null;
  let begun = false;
  let reached = false; // the server answers, whether or not it sends events
  let silence = 0;
  let next = 0;
  let pause = FIRST_PAUSE_MS;

  function open() {
    close();
    source = new EventSource("/events");
    begun = false;
    // The browser's own attempts end for good on an error of the server: these do not.
    source.onerror = lose;
    listen("status", on.status);
    listen("faces", on.faces);
    expectNews();
  }

  function listen(name, handle) {
    source.addEventListener(name, (event) => {
      expectNews();
      if (!begun) begin();
      handle(JSON.parse(event.data));
    });
  }

  /** The first event, not the open connection, shows that the server is well. */
  function begin() {
    begun = true;
    pause = FIRST_PAUSE_MS;
    on.live();
  }

  function expectNews() {
    clearTimeout(silence);
    silence = setTimeout(lose, SILENT_MS);
  }

  function close() {
    clearTimeout(silence);
    clearTimeout(next);
    source?.close();
    source = null;
  }

  function lose() {
    close();
    on.lost(reached && !begun);
    next = setTimeout(again, pause);
    pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
  }

  async function again() {
    try {
      // Goes to the sign-in page if the session has ended.
      on.status(await getJson("/api/status"));
      reached = true;
      open();
    } catch {
      reached = false;
      lose();
    }
  }

  function rest() {
    close();
    on.pause();
  }

  open();
  whileSeen(open, rest);
  // A phone that finds its network again need not wait for the pause to end.
  addEventListener("online", () => source === null && !document.hidden && open());
}

/** Call `rest` when the page has been hidden for a while, and `wake` when it is seen again. */
function whileSeen(wake, rest) {
  let timer = 0;
  let resting = false;
  function restNow() {
    resting = true;
    rest();
  }
  function change() {
    clearTimeout(timer);
    if (document.hidden) timer = setTimeout(restNow, HIDDEN_MS);
    else if (resting) {
      resting = false;
      wake();
    }
  }
  document.addEventListener("visibilitychange", change);
  // A page that the browser keeps for its Back button must hold no connection.
  addEventListener("pagehide", restNow);
  addEventListener("pageshow", (event) => event.persisted && change());
}
