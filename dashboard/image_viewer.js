// Shows the images of a case: zoom at the pointer, pan, window and level for grey images. Loads what the page serves.
const kept = new WeakMap();

export default function (component) {
  const { data, parentElement } = component;
  const signature = JSON.stringify(data);
  const before = kept.get(parentElement);
  if (before && before.signature === signature) return;
  const root = parentElement.querySelector(".viewer");
  const canvas = root.querySelector("canvas");
  const tabs = root.querySelector(".tabs");
  const facts = root.querySelector(".facts");
  const windowing = root.querySelector(".windowing");
  const [windowWidth, level] = ["width", "level"].map((name) => root.querySelector(`[name=${name}]`));
  const view = { image: null, pixels: null, grey: false, scale: 1, x: 0, y: 0, number: 0, fitted: true };
  kept.set(parentElement, { signature });

  const say = (text) => { facts.textContent = text; };

  function paint() {
    const ratio = window.devicePixelRatio || 1;
    const [w, h] = [canvas.clientWidth, canvas.clientHeight];
    if (canvas.width !== Math.round(w * ratio) || canvas.height !== Math.round(h * ratio)) {
      canvas.width = Math.round(w * ratio);
      canvas.height = Math.round(h * ratio);
    }
    const pen = canvas.getContext("2d");
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.fillStyle = "#000";
    pen.fillRect(0, 0, canvas.width, canvas.height);
    if (!view.image) return;
    pen.setTransform(ratio * view.scale, 0, 0, ratio * view.scale, ratio * view.x, ratio * view.y);
    pen.imageSmoothingEnabled = view.scale < 2;
    pen.drawImage(view.shown || view.image, 0, 0);
    const one = data.images[view.number];
    root.dataset.scale = view.scale.toFixed(3);
    say(`${one.label} · ${view.image.naturalWidth} × ${view.image.naturalHeight} px · ${Math.round(view.scale * 100)} %`
      + (view.grey ? ` · window ${windowWidth.value}, level ${level.value}` : ""));
  }

  function fit() {
    const { naturalWidth: w, naturalHeight: h } = view.image;
    view.scale = Math.min(canvas.clientWidth / w, canvas.clientHeight / h);
    view.x = (canvas.clientWidth - w * view.scale) / 2;
    view.y = (canvas.clientHeight - h * view.scale) / 2;
    view.fitted = true;
    paint();
  }

  function zoom(factor, x = canvas.clientWidth / 2, y = canvas.clientHeight / 2) {
    if (!view.image) return;
    const scale = Math.min(32, Math.max(0.02, view.scale * factor));
    view.x = x - ((x - view.x) * scale) / view.scale;
    view.y = y - ((y - view.y) * scale) / view.scale;
    view.scale = scale;
    view.fitted = false;
    paint();
  }

  function greyPixels(image) {
    const plain = document.createElement("canvas");
    plain.width = image.naturalWidth;
    plain.height = image.naturalHeight;
    const pen = plain.getContext("2d", { willReadFrequently: true });
    pen.drawImage(image, 0, 0);
    const pixels = pen.getImageData(0, 0, plain.width, plain.height);
    const all = pixels.data;
    const step = 4 * Math.max(1, Math.floor(all.length / 4 / 20000));
    for (let at = 0; at < all.length; at += step) {
      if (Math.abs(all[at] - all[at + 1]) > 3 || Math.abs(all[at] - all[at + 2]) > 3) return null;
    }
    return pixels;
  }

  function applyWindow() {
    if (!view.grey) return;
    const wide = Number(windowWidth.value);
    const low = Number(level.value) - wide / 2;
    if (wide === 255 && low === 0) {
      view.shown = null;
    } else {
      const table = new Uint8ClampedArray(256);
      for (let value = 0; value < 256; value += 1) table[value] = ((value - low) / wide) * 255;
      const from = view.pixels.data;
      const result = new ImageData(view.pixels.width, view.pixels.height);
      for (let at = 0; at < from.length; at += 4) {
        const value = table[from[at]];
        result.data[at] = value;
        result.data[at + 1] = value;
        result.data[at + 2] = value;
        result.data[at + 3] = from[at + 3];
      }
      view.shown = view.shown || document.createElement("canvas");
      view.shown.width = result.width;
      view.shown.height = result.height;
      view.shown.getContext("2d").putImageData(result, 0, 0);
    }
    root.dataset.window = `${windowWidth.value}/${level.value}`;
    paint();
  }

  function resetWindow() {
    windowWidth.value = 255;
    level.value = 127.5;
    applyWindow();
  }

  function open(number) {
    view.number = number;
    view.image = null;
    view.shown = null;
    view.grey = false;
    windowing.hidden = true;
    [...tabs.children].forEach((tab, place) => tab.setAttribute("aria-pressed", String(place === number)));
    say("Loading …");
    const image = new Image();
    image.onload = () => {
      if (view.number !== number) return;
      view.image = image;
      view.pixels = greyPixels(image);
      view.grey = view.pixels !== null;
      windowing.hidden = !view.grey;
      windowWidth.value = 255;
      level.value = 127.5;
      root.dataset.loaded = String(number);
      fit();
    };
    image.onerror = () => say("This image is gone or is not what the model was sent.");
    image.src = data.images[number].url;
  }

  tabs.replaceChildren(...data.images.map((one, number) => {
    const tab = document.createElement("button");
    tab.textContent = `Image ${number + 1}`;
    tab.onclick = () => open(number);
    return tab;
  }));
  tabs.hidden = data.images.length < 2;

  canvas.onwheel = (event) => {
    event.preventDefault();
    zoom(Math.exp(-event.deltaY / 400), event.offsetX, event.offsetY);
  };
  canvas.onpointerdown = (event) => {
    canvas.setPointerCapture(event.pointerId);
    view.drag = { x: event.clientX, y: event.clientY, windowing: event.button === 2 || event.shiftKey };
  };
  canvas.onpointermove = (event) => {
    if (!view.drag) return;
    const [dx, dy] = [event.clientX - view.drag.x, event.clientY - view.drag.y];
    view.drag.x = event.clientX;
    view.drag.y = event.clientY;
    if (view.drag.windowing && view.grey) {
      windowWidth.value = Number(windowWidth.value) + dx;
      level.value = Number(level.value) + dy;
      applyWindow();
    } else {
      view.x += dx;
      view.y += dy;
      view.fitted = false;
      paint();
    }
  };
  canvas.onpointerup = canvas.onpointercancel = () => { view.drag = null; };
  canvas.oncontextmenu = (event) => event.preventDefault();
  canvas.ondblclick = () => view.image && fit();
  canvas.onkeydown = (event) => {
    const moves = { "+": () => zoom(1.25), "=": () => zoom(1.25), "-": () => zoom(0.8), 0: fit };
    if (moves[event.key] && view.image) {
      event.preventDefault();
      event.stopPropagation();
      moves[event.key]();
    }
  };
  root.querySelector("[name=in]").onclick = () => zoom(1.25);
  root.querySelector("[name=out]").onclick = () => zoom(0.8);
  root.querySelector("[name=fit]").onclick = () => view.image && fit();
  root.querySelector("[name=natural]").onclick = () => view.image && zoom(1 / view.scale);
  root.querySelector("[name=reset]").onclick = resetWindow;
  windowWidth.oninput = applyWindow;
  level.oninput = applyWindow;

  const watcher = new ResizeObserver(() => (view.image && view.fitted ? fit() : paint()));
  watcher.observe(canvas);
  open(0);
  return () => {
    watcher.disconnect();
    kept.delete(parentElement);
  };
}
