// @ts-check
/**
 * Opens the microphone and the camera while Python still loads, and shows the picture.
 */

/** @typedef {{on?: boolean, device?: string}} Choice */
/** @typedef {{microphone?: Choice, camera?: Choice, quality?: string}} Chosen */
/** @typedef {"microphone" | "camera"} Kind */

const SIZES = { hd: [1280, 720], sd: [640, 360], low: [320, 180] };
const VOICE = { echoCancellation: true, noiseSuppression: true, autoGainControl: true };

/**
 * Say in the preview's frame how far things are; without a word the stylesheet hides it.
 *
 * @param {Record<string, string>} told
 */
function tell(told) {
  Object.assign(document.getElementById("preview-frame")?.dataset ?? {}, told);
}

/** @param {MediaStreamTrack} track */
function show(track) {
  const preview = document.getElementById("preview");
  if (preview instanceof HTMLVideoElement) preview.srcObject = new MediaStream([track]);
  tell({ video: "on" });
}

/** @param {Choice | undefined} choice @param {MediaTrackConstraints} wish */
function wished(choice, wish) {
  if (choice?.on === false) return undefined;
  return { ...wish, ...(choice?.device && { deviceId: { ideal: choice.device } }) };
}

/**
 * Open what was on last time: both at once, each alone where that fails.
 *
 * @param {Chosen} chosen
 * @returns what was opened, and the errors; it never rejects
 */
export async function openMedia({ microphone, camera, quality }) {
  /** @type {Record<Kind, MediaStreamTrack | null> & {errors: Record<Kind, unknown>}} */
  const opened = { microphone: null, camera: null, errors: { microphone: null, camera: null } };
  const [width, height] = SIZES[/** @type {keyof SIZES} */ (quality ?? "sd")] ?? SIZES.sd;
  const picture = { width: { ideal: width }, height: { ideal: height }, frameRate: { ideal: 30 } };
  const audio = wished(microphone, VOICE);
  const video = wished(camera, picture);
  if (!navigator.mediaDevices || !(audio || video)) return opened;

  /** @param {MediaStreamConstraints} wish @param {Kind} kind which one is to blame */
  const ask = async (wish, kind) => {
    try {
      for (const track of (await navigator.mediaDevices.getUserMedia(wish)).getTracks())
        opened[track.kind === "audio" ? "microphone" : "camera"] = track;
      if (opened.camera) show(opened.camera);
      return true;
    } catch (error) {
      opened.errors[kind] = error;
      return false;
    }
  };
  tell({ media: "asking", audio: audio ? "on" : "muted" });
  if (!(audio && video)) await ask({ audio, video }, audio ? "microphone" : "camera");
  else if (!(await ask({ audio, video }, "camera"))) {
    opened.errors.camera = null;
    await ask({ video }, "camera");
    await ask({ audio }, "microphone");
  }
  tell({ media: "ready" });
  return opened;
}
