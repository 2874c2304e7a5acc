// Tells the loudest frequency that an audio element plays, 0 for silence.
async (voice, { milliseconds }) => {
  const held = voice.paused || voice.muted || !voice.volume;
  if (held) return { pitch: 0, why: "it is held back" };
  const context = new AudioContext();
  try {
    const analyser = new AnalyserNode(context, { fftSize: 16384, smoothingTimeConstant: 0 });
    context.createMediaStreamSource(voice.srcObject).connect(analyser);
    const bins = new Float32Array(analyser.frequencyBinCount);
    const width = context.sampleRate / analyser.fftSize;
    const end = performance.now() + milliseconds;
    let before = 0;
    while (performance.now() < end) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      analyser.getFloatFrequencyData(bins);
      let top = Math.ceil(100 / width); // below is hum
      for (let bin = top; bin < bins.length - 1; bin++) if (bins[bin] > bins[top]) top = bin;
      if (bins[top] < -50) continue; // decibels
      const [left, middle, right] = [bins[top - 1], bins[top], bins[top + 1]];
      const pitch = width * (top + (left - right) / (2 * (left - 2 * middle + right)));
      if (Math.abs(pitch - before) < 1) return { pitch, why: "" };
      before = pitch;
    }
    const [track] = voice.srcObject.getAudioTracks();
    const why = `the context is ${context.state}, the track ${track.muted ? "muted" : "flowing"}`;
    return { pitch: 0, why };
  } finally {
    await context.close();
  }
}
