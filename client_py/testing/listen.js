// Records what an audio element plays; returns the samples at a rate, of 16 bits.
// A recorder, and no live context: Firefox runs none on a machine without sound. A track
// through which nothing flows can't be recorded; it is silent by what the browser says.
async (voice, { milliseconds, rate }) => {
  const held = voice.paused || voice.muted || !voice.volume;
  if (held) return { samples: [], muted: false, why: "it is held back" };
  const recorder = new MediaRecorder(voice.srcObject);
  const parts = [];
  const stopped = new Promise((resolve) => {
    recorder.onstop = resolve;
  });
  recorder.ondataavailable = ({ data }) => parts.push(data);
  recorder.start();
  await new Promise((resolve) => setTimeout(resolve, milliseconds));
  recorder.stop();
  await stopped;
  try {
    const recorded = await new Blob(parts).arrayBuffer();
    const decoded = await new OfflineAudioContext(1, rate, rate).decodeAudioData(recorded);
    const samples = Array.from(decoded.getChannelData(0), (each) => Math.round(32767 * each));
    return { samples, muted: false, why: "" };
  } catch {
    const [track] = voice.srcObject.getAudioTracks();
    const muted = track.muted;
    return { samples: [], muted, why: `its track is ${muted ? "muted" : "flowing"}` };
  }
}
