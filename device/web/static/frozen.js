// Whether a picture has stopped moving. A browser does not say that an MJPEG stream has ended.

const WIDTH = 48;
const HEIGHT = 36;

/** Return a function that tells whether an image differs from the last call's. */
export function changeDetector() {
  const canvas = document.createElement("canvas");
  [canvas.width, canvas.height] = [WIDTH, HEIGHT];
  const context = canvas.getContext("2d", { willReadFrequently: true });
  // Single pixels, not means: even of a still room they differ, by the camera's noise.
  context.imageSmoothingEnabled = false;
  let before = "";
  return (image) => {
    if (!image.complete && !image.naturalWidth) return false;
    context.drawImage(image, 0, 0, WIDTH, HEIGHT);
    const now = context.getImageData(0, 0, WIDTH, HEIGHT).data.join();
    const changed = now !== before;
    before = now;
    return changed;
  };
}

/**
 * Return a function (changed, now) that tells when to start a stream again.
 *
 * first_ms: time without a change. It doubles each time that a new start changed nothing, up to
 * longest_ms: the picture may be one that really stands still.
 */
export function restartRule(first_ms, longest_ms) {
  let limit = first_ms;
  let since = null;
  return (changed, now) => {
    if (changed || since === null) {
      since = now;
      if (changed) limit = first_ms;
      return false;
    }
    if (now - since < limit) return false;
    since = now;
    limit = Math.min(limit * 2, longest_ms);
    return true;
  };
}
