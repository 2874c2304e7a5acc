// Samples a video's pictures one after the other: the luma in the middle of each cell.
async (video, { columns, rows, share, most, milliseconds }) => {
  const canvas = new OffscreenCanvas(4 * columns, 4 * rows);
  const drawing = canvas.getContext("2d", { willReadFrequently: true });
  const end = performance.now() + milliseconds;

  const next = () =>
    new Promise((resolve) => {
      const left = Math.max(0, end - performance.now());
      const late = setTimeout(() => {
        video.cancelVideoFrameCallback(handle);
        resolve(false);
      }, left);
      const handle = video.requestVideoFrameCallback(() => {
        clearTimeout(late);
        resolve(true);
      });
    });

  const sample = () => {
    const { width, height } = canvas;
    drawing.drawImage(video, 0, 0, video.videoWidth, share * video.videoHeight, 0, 0, width, height);
    const { data } = drawing.getImageData(0, 0, width, height);
    const luma = (x, y) => {
      const at = 4 * (y * width + x);
      return 0.299 * data[at] + 0.587 * data[at + 1] + 0.114 * data[at + 2];
    };
    const cells = [];
    for (let y = 1; y < height; y += 4)
      for (let x = 1; x < width; x += 4)
        cells.push(Math.round((luma(x, y) + luma(x + 1, y) + luma(x, y + 1) + luma(x + 1, y + 1)) / 4));
    return cells;
  };

  const pictures = [];
  while (pictures.length < most && (await next())) pictures.push(sample());
  return { pictures, width: video.videoWidth, height: video.videoHeight };
}
