/** Making elements from data: text is only ever set as text. */

const SVG = "http://www.w3.org/2000/svg";

/**
 * The element with this id, which the page's HTML is known to have.
 *
 * @template {Element} T
 * @param {string} id
 * @param {{new (): T}} type
 * @returns {T}
 */
export function byId(id, type) {
  const found = document.getElementById(id);
  if (!(found instanceof type)) throw new Error(`The page has no ${type.name} #${id}`);
  return found;
}

/**
 * @template {keyof HTMLElementTagNameMap} K
 * @param {K} tag
 * @param {Record<string, string>} [attributes]
 * @param {...(Node|string)} children
 * @returns {HTMLElementTagNameMap[K]}
 */
export function el(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) made.setAttribute(name, value);
  made.append(...children);
  return made;
}

/**
 * @param {string} name of a symbol in the page, without "icon-"
 * @returns {SVGSVGElement}
 */
export function icon(name) {
  const svg = document.createElementNS(SVG, "svg");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  const use = document.createElementNS(SVG, "use");
  use.setAttribute("href", `#icon-${name}`);
  svg.append(use);
  return svg;
}

/**
 * A button with an icon, or with words.
 *
 * @param {{label: string, run: () => void, icon?: string, testid?: string, quiet?: boolean}} about
 * @returns {HTMLButtonElement}
 */
export function button(about) {
  const made = el("button", { type: "button" });
  if (about.quiet !== false) made.classList.add("quiet");
  if (about.testid) made.dataset.testid = about.testid;
  if (about.icon) {
    made.append(icon(about.icon));
    made.setAttribute("aria-label", about.label);
    made.title = about.label;
    made.classList.add("icon-only");
  } else {
    made.textContent = about.label;
  }
  made.addEventListener("click", about.run);
  return made;
}

/**
 * Set a text only where it differs, so that nothing is laid out again for the same words.
 *
 * @param {Element} element
 * @param {string} text
 */
export function setText(element, text) {
  if (element.textContent !== text) element.textContent = text;
}
