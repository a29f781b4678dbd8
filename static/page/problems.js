/** Which ways on there are from each problem. */

/** @typedef {import("./notices.js").Way} Way */
/** @typedef {import("../client/types.js").Problem} Problem */

/**
 * @typedef {object} Actions what the page can do about problems
 * @property {() => void} again
 * @property {(panel: string) => void} open a panel, by its name
 * @property {() => void} usualMicrophone
 * @property {() => void} uploadFile
 * @property {() => void} openServer the page of the server that this page may not use
 */

/**
 * @param {Problem} problem
 * @param {Actions} actions
 * @returns {Way[]}
 */
export function waysOn(problem, actions) {
  /** @type {Record<string, Way>} */
  const ways = {
    again: { label: "way.again", run: actions.again, testid: "again" },
    upload: { label: "way.upload", run: actions.uploadFile },
    https: { label: "way.https", run: openOverHttps },
    page: { label: "way.open-server", run: actions.openServer },
    servers: { label: "way.servers", run: () => actions.open("servers") },
    recordings: { label: "way.recordings", run: () => actions.open("recordings") },
    usual: { label: "way.usual-microphone", run: actions.usualMicrophone },
    choose: { label: "way.choose-microphone", run: () => actions.open("microphone") },
  };
  const wanted = WAYS[problem.code] ?? (problem.fatal ? ["again"] : []);
  return wanted.flatMap((name) => ways[name] ?? []);
}

/** @type {Record<string, string[]>} */
const WAYS = {
  "insecure-origin": ["https", "upload"],
  unsupported: ["upload"],
  "permission-denied": ["again", "upload"],
  "no-microphone": ["again", "choose", "upload"],
  "microphone-busy": ["again", "choose"],
  "microphone-lost": ["choose", "usual"],
  "no-server": ["servers"],
  "mixed-content": ["page", "servers"],
  refused: ["again", "servers"],
  "storage-full": ["recordings"],
};

function openOverHttps() {
  location.href = location.href.replace(/^http:/u, "https:");
}
