/** The space bar starts and stops, except where it already means something. */

const OWN_SPACE = "input, select, textarea, button, summary, a[href], [contenteditable]";

/** @param {() => void} toggle */
export function startStopBySpace(toggle) {
  addEventListener("keydown", (event) => {
    if (event.key !== " " || event.repeat || event.defaultPrevented) return;
    if (event.altKey || event.ctrlKey || event.metaKey || event.shiftKey) return;
    const at = event.target;
    if (at instanceof Element && at.closest(OWN_SPACE)) return;
    if (document.querySelector("dialog[open]")) return;
    event.preventDefault();
    toggle();
  });
}
