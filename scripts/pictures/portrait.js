// @ts-check
// Draws a person at home in place of the camera, for the pictures in the documentation.
// `window.portrait` is set before: {wall, light, skin, hair, shirt, style, tilt, speaks}.
navigator.mediaDevices.getUserMedia = async () => {
  const canvas = Object.assign(document.createElement("canvas"), { width: 1280, height: 720 });
  const c = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const { wall, light, skin, hair, shirt, style, tilt, speaks } = /** @type {any} */ (window).portrait;
  const shape = (/** @type {string} */ fill, /** @type {string} */ path) => {
    c.fillStyle = fill;
    c.fill(new Path2D(path));
  };
  const draw = () => {
    const back = c.createLinearGradient(0, 0, 1280, 720);
    back.addColorStop(0, light);
    back.addColorStop(1, wall);
    c.fillStyle = back;
    c.fillRect(0, 0, 1280, 720);
    c.filter = "blur(7px)"; // the room is out of focus
    if (style === "window") {
      shape("#ffffff55", "M850 70h330v380h-330z");
      shape("#ffffff77", "M870 90h135v340h-135zM1025 90h135v340h-135z");
      shape("#3f6b4f", "M90 470q-60-190 60-250q-10 130 10 250zM160 470q10-150 130-190q-10 130-90 190z");
      shape("#b5764d", "M90 470h160l-22 140h-116z");
    } else if (style === "shelf") {
      shape("#00000022", "M60 190h380v16h-380zM60 400h380v16h-380z");
      for (const [x, h, colour] of [[80, 110, "#b4553f"], [115, 90, "#d9a441"], [150, 120, "#35635b"], [190, 100, "#7b6aa8"], [310, 80, "#c97b63"]])
        shape(/** @type {string} */ (colour), `M${x} ${190 - Number(h)}h28v${h}h-28z`);
      for (const [x, h, colour] of [[90, 120, "#35635b"], [130, 95, "#e0c9a6"], [250, 115, "#7b6aa8"], [290, 105, "#b4553f"]])
        shape(/** @type {string} */ (colour), `M${x} ${400 - Number(h)}h30v${h}h-30z`);
      shape("#f4e3b2", "M990 160a60 60 0 1 1 .1 0z");
    } else {
      shape("#ffffff44", "M120 90h250v180h-250z");
      shape("#35635b66", "M140 250l70-90l50 55l40-40l50 75z");
      shape("#2d4d3f", "M1080 720q-40-330 30-420q90 150 30 420zM1130 720q60-250 130-290q20 160-50 290z");
    }
    c.filter = "none";
    c.save();
    c.translate(640, 720);
    c.rotate(tilt);
    c.translate(-640, -720);
    if (style === "shelf") shape(hair, "M440 330q0-210 200-210t200 210v230q-30 60-90 50h-220q-60 10-90-50z");
    shape(shirt, "M270 720q20-190 230-215q140 70 280 0q210 25 230 215z");
    shape(skin, "M565 440h150v75q-75 60-150 0z");
    shape("#00000018", "M565 470q75 60 150 0v-30h-150z");
    shape(skin, "M495 310q0-160 145-160t145 160q0 190-145 190t-145-190z");
    shape(skin, "M478 330q-2-36 26-30v80q-26 0-26-50zM802 330q2-36-26-30v80q26 0 26-50z");
    if (style === "window") shape(hair, "M478 320q-30-200 162-205q190 5 162 205q-22-20-26-80q-130 20-190-40q-40 80-82 50q-4 50-26 70z");
    else if (style === "shelf") shape(hair, "M480 330q-20-200 160-205q180 5 160 205q-40-40-60-110q-90 30-180-10q-50 40-80 120z");
    else shape(hair, "M486 290q-6-160 154-165q160 5 154 165q-30-70-60-80q-100 20-190 0q-40 20-58 80zM520 400q20 115 120 115t120-115q-10 30-60 25q-60-25-120 0q-50 5-60-25z");
    const eyes = "M575 322a12 13 0 1 1 .1 0zM705 322a12 13 0 1 1 .1 0z";
    shape("#2b211d", eyes);
    c.strokeStyle = "#2b211d";
    c.lineWidth = 7;
    c.lineCap = "round";
    c.stroke(new Path2D("M548 278q26-16 52-2M680 276q26-14 52 2"));
    c.strokeStyle = "#00000033";
    c.stroke(new Path2D("M640 325q-14 44 6 52"));
    shape("#7c2f2b", "M590 412q50 26 100 0q-12 48-50 48t-50-48z");
    shape("#ffffff", "M598 415q42 20 84 0q-6 18-42 18t-42-18z");
    c.restore();
  };
  draw();
  setInterval(draw, 100);
  const context = new AudioContext();
  const out = context.createMediaStreamDestination();
  const [voice, loudness] = [context.createOscillator(), context.createGain()];
  loudness.gain.value = speaks ? 1 : 0.001; // who listens has a room that isn't dead silent
  voice.connect(loudness).connect(out);
  voice.start();
  addEventListener("click", () => context.resume());
  const sound = out.stream;
  return new MediaStream([...canvas.captureStream(10).getTracks(), ...sound.getTracks()]);
};
