// A desk in place of the machine's devices: `window.desk` plugs and unplugs them, lets
// another program take one, and says how loud the microphones are. Output devices are
// those that are plugged in, too. Whatever is listed first of its kind is the default.
(() => {
  const media = navigator.mediaDevices;
  const KINDS = { audio: "audioinput", video: "videoinput" };
  const open = new Map(); // the tracks that were given, and of which device
  const refuse = (name) => {
    throw new DOMException("by the test", name);
  };
  let sound; // the one microphone that all of them are

  function picture() {
    const canvas = document.createElement("canvas");
    const draw = canvas.getContext("2d");
    const timer = setInterval(() => draw.fillRect(0, 0, Math.random() * 300, 100), 50);
    const [track] = canvas.captureStream(20).getTracks();
    track.addEventListener("ended", () => clearInterval(timer));
    return track;
  }

  function voice() {
    if (!sound) {
      const context = new AudioContext();
      const [oscillator, gain] = [context.createOscillator(), context.createGain()];
      oscillator.connect(gain);
      oscillator.start();
      sound = { context, gain };
      desk.loud(desk.loudness);
    }
    sound.context.resume();
    const out = sound.context.createMediaStreamDestination();
    sound.gain.connect(out);
    return out.stream.getTracks()[0];
  }

  function give(kind, wish) {
    const there = desk.devices.filter((each) => each.kind === KINDS[kind]);
    if (!there.length) refuse("NotFoundError");
    const exact = wish.deviceId?.exact;
    const ideal = there.find((each) => each.deviceId === wish.deviceId?.ideal);
    const chosen = exact ? there.find((each) => each.deviceId === exact) : (ideal ?? there[0]);
    if (!chosen) refuse("OverconstrainedError");
    if (desk.busy.includes(chosen.deviceId)) refuse("NotReadableError");
    const track = kind === "audio" ? voice() : picture();
    const settings = track.getSettings();
    track.getSettings = () => ({ ...settings, deviceId: chosen.deviceId });
    open.set(track, chosen.deviceId);
    return track;
  }

  const desk = (window.desk = {
    devices: [],
    busy: [],
    loudness: 0.2,
    sinks: [], // every output device that something was to be played through
    /** Put these on the desk, in this order: `[id, kind, label]` each. */
    lay(...devices) {
      desk.devices = devices.map(([deviceId, kind, label]) => ({ deviceId, kind, label, groupId: deviceId }));
      for (const [track, id] of open)
        if (track.readyState === "live" && !desk.devices.some((each) => each.deviceId === id)) {
          track.stop();
          track.dispatchEvent(new Event("ended"));
        }
      media.dispatchEvent(new Event("devicechange"));
    },
    loud(loudness) {
      desk.loudness = loudness;
      if (sound) sound.gain.gain.value = loudness;
    },
    /** Let a track of this device be taken by another program, or given back. */
    take(id, event = "mute") {
      for (const [track, of] of open) if (of === id && track.readyState === "live") track.dispatchEvent(new Event(event));
    },
  });

  media.enumerateDevices = async () => desk.devices;
  media.getUserMedia = async (wish) =>
    new MediaStream(["audio", "video"].filter((kind) => wish[kind]).map((kind) => give(kind, wish[kind])));

  const sinks = new WeakMap();
  for (const player of [HTMLMediaElement, AudioContext]) {
    Object.defineProperty(player.prototype, "sinkId", { get() { return sinks.get(this) ?? ""; } });
    player.prototype.setSinkId = async function (id) {
      desk.sinks.push(id);
      if (id && !desk.devices.some((each) => each.deviceId === id)) refuse("NotFoundError");
      sinks.set(this, id);
    };
  }
})();
