// Which attributes of a face have a bar, and in which order. Pure functions.

/** Attributes with a bar beside the labels; all others are one click away. */
export const LIMIT = 5;
// How much clearer another attribute must be to take a place: less, and two would swap for ever.
const MARGIN = 0.15;

/**
 * Return the attributes to show, at most `limit`.
 *
 * An attribute keeps its place from one call to the next. At most one place changes hands in a
 * call, and then to the clearest attribute without a place.
 */
export function chosen(shown, attributes, limit = LIMIT) {
  const places = shown.filter((name) => name in attributes).slice(0, limit);
  const others = Object.keys(attributes).filter(
    // "No beard 99 %" is true of most faces and says little; it stands with all the others.
    (name) => !places.includes(name) && !name.startsWith("No_"),
  );
  others.sort((a, b) => attributes[b] - attributes[a]);
  while (places.length < limit && others.length) places.push(others.shift());
  if (!others.length || !places.length) return places;
  const weakest = places.reduce((a, b) => (attributes[b] < attributes[a] ? b : a));
  if (attributes[others[0]] > attributes[weakest] + MARGIN) {
    places[places.indexOf(weakest)] = others[0];
  }
  return places;
}

/** Return an attribute's name as words: "Mouth slightly open". */
export function words(name) {
  if (name === "5_o_Clock_Shadow") return "5 o'clock shadow";
  const text = name.replaceAll("_", " ").toLowerCase();
  return text.charAt(0).toUpperCase() + text.slice(1);
}

/** Return a probability as text, "83 %". */
export function percent(probability) {
  return `${Math.round(probability * 100)} %`;
}
