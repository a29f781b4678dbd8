/** Wiring only: which part of the page hears what from which. */

import { byId } from "./dom.js";
import { History } from "./history.js";
import { clock, dateTime, t, words } from "./i18n.js";
import { KeyDialog } from "./key-dialog.js";
import { startStopBySpace } from "./keyboard.js";
import { LevelMeter } from "./level-meter.js";
import { Notices } from "./notices.js";
import { Options } from "./options.js";
import { Panels } from "./panels.js";
import { waysOn } from "./problems.js";
import { Recorder } from "./recorder.js";
import { ServerList } from "./server-list.js";
import { ServersEditor } from "./servers-editor.js";
import { Stage } from "./stage.js";
import { StatusView } from "./status-view.js";
import { Tab } from "./tab.js";
import { UploadPanel } from "./upload-panel.js";
import { Watch } from "./watch.js";

/** @typedef {import("../client/types.js").Problem} Problem */
/** @typedef {import("../client/types.js").RecordingInfo} RecordingInfo */
/** @typedef {import("../client/types.js").Status} Status */

const interfaceLanguage = byId("interface-language", HTMLSelectElement);
words.start();
interfaceLanguage.value = words.language;
interfaceLanguage.addEventListener("change", () => {
  words.choose(/** @type {import("./i18n.js").InterfaceLanguage} */ (interfaceLanguage.value));
});

const stage = new Stage();
const notices = new Notices();
const keyDialog = new KeyDialog(notices);
const status = new StatusView();
const watched = new URL(location.href).searchParams.get("watch");
if (watched) follow(watched);
else record();
delete document.documentElement.dataset.loading;

/** @param {string} watchId */
function follow(watchId) {
  document.body.dataset.mode = "watch";
  const watch = new Watch(watchId, status);
  stage.show(watch.transcript);
  watch.addEventListener("gone", () => {
    const home = () => location.assign(location.pathname);
    notices.show({ code: "watch-gone", ways: [{ label: "way.record", run: home }] });
  });
  on(watch, "key-needed", (server) => void keyDialog.need(server, () => void watch.start()));
  void watch.start();
}

function record() {
  const panels = new Panels();
  const servers = new ServerList();
  const options = new Options();
  const recorder = new Recorder(options, servers);
  const editor = new ServersEditor(servers);
  const meter = new LevelMeter();
  const tab = new Tab(notices);
  const past = new History();
  const file = byId("file", HTMLInputElement);
  const uploads = new UploadPanel({
    server: () => usable(editor).url,
    fields: () => options.choices,
    limitMb: () => servers.config.limits?.max_upload_mb,
  });
  const actions = {
    again: () => void recorder.again(),
    open: (/** @type {string} */ panel) => panels.open(panel),
    uploadFile: () => file.click(),
    openServer: () => {
      const blocked = editor.states.find(({ probed }) => probed?.state === "blocked");
      if (blocked) location.assign(blocked.server.url);
    },
    usualMicrophone: () => {
      options.choose({ deviceId: "" });
      options.dispatchEvent(new Event("device"));
      void recorder.again();
    },
  };

  on(recorder, "begin", (transcript) => {
    notices.clearAll();
    status.graph.clear();
    panels.close();
    stage.show(transcript);
  });
  on(recorder, "status", (/** @type {Status} */ news) => {
    status.show(news);
    stage.setState(news.state);
    stage.drawLanguage();
    stage.toolbar.setWatchUrl(news.watchUrl);
    editor.learn(news.servers);
    if (news.connection === "ok" || news.connection === "switched") notices.clear("no-server");
    tab.show(news);
    past.setBusy(recorder.busyId);
  });
  on(recorder, "level", (level) => meter.show(level));
  const tell = (/** @type {Problem} */ problem) => {
    notices.show({
      code: problem.code,
      message: problem.message,
      values: () => ({ detail: problem.detail || problem.message }),
      ways: waysOn(problem, actions).map((way) => dismissing(problem.code, way)),
      urgent: true,
    });
  };
  on(recorder, "problem", (/** @type {Problem} */ problem) => {
    const { code, server } = problem;
    if (code === "key-needed" && server) void keyDialog.need(server);
    else tell(problem);
  });
  on(recorder, "end", () => {
    meter.reset();
    void past.load();
  });

  on(past, "open", (transcript) => {
    stage.show(transcript);
    panels.close();
  });
  on(past, "finish", (/** @type {RecordingInfo} */ info) => void recorder.finish(info));
  on(past, "deleted", () => notices.clear("unfinished"));

  on(uploads, "show", (transcript) => {
    stage.show(transcript);
    if (document.body.dataset.upload === "done") panels.close();
  });
  on(uploads, "problem", ({ code, again, server, detail = "", limit = 0 }) => {
    if (code === "key-needed") {
      void keyDialog.need(server, again);
      return;
    }
    const ways =
      code === "upload-too-large"
        ? []
        : [{ label: /** @type {const} */ ("way.again"), run: again }];
    const values = () => ({ detail, limit });
    notices.show({ code, values, ways: ways.map((way) => dismissing(code, way)), urgent: true });
  });

  const drawIdle = () => {
    const states = editor.states;
    const known = states.every(({ probed }) => probed);
    const up = states.some(({ probed }) => probed?.state === "up");
    const mixed = states.some(({ probed }) => probed?.reason === "mixed-content");
    if (known && !up && mixed && !recorder.running) {
      tell({ code: "mixed-content", message: "", detail: "", fatal: false });
    }
    status.setIdle(usable(editor).name, () =>
      t(up ? "status.idle" : known ? "status.none-up" : "status.checking"),
    );
  };
  editor.addEventListener("probed", drawIdle);
  drawIdle();
  startStopBySpace(() => recorder.toggle());
  on(servers, "config", () => options.setLanguages(servers.config.languages ?? []));
  on(servers, "key-needed", (server) => void keyDialog.need(server));
  void servers.load();
  void past.load().then((found) => offerToFinish(found, recorder, past));
}

/** @param {ServersEditor} editor @returns the first server known to be up, else the first one */
function usable(editor) {
  const { states } = editor;
  const best = states.find(({ probed }) => probed?.state === "up") ?? states[0];
  return best?.server ?? { url: new URL(".", location.href).href, name: location.host };
}

/**
 * @param {RecordingInfo[]} found
 * @param {Recorder} recorder
 * @param {History} past
 */
function offerToFinish(found, recorder, past) {
  const info = found.find((recording) => recording.state === "unfinished");
  if (!info || recorder.running) return;
  notices.show({
    code: "unfinished",
    values: () => ({ when: dateTime(info.startedAt), length: clock(info.durationS) }),
    ways: [
      { label: "way.finish", testid: "finish", run: () => void recorder.finish(info) },
      { label: "way.discard", testid: "discard", run: () => void past.delete(info) },
    ],
  });
}

/**
 * @param {string} code
 * @param {import("./notices.js").Way} way
 * @returns {import("./notices.js").Way} that takes its notice away, too
 */
function dismissing(code, way) {
  const run = () => {
    notices.clear(code);
    way.run();
  };
  return { ...way, run };
}

/**
 * @param {EventTarget} source
 * @param {string} type
 * @param {(detail: any) => void} handle
 */
function on(source, type, handle) {
  source.addEventListener(type, (event) => handle(/** @type {CustomEvent} */ (event).detail));
}
