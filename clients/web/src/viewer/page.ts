import type { BoxPx, Side } from "../client/index.ts";
import type { LiveChoices, LiveFigures } from "./live.ts";
import type { Looks } from "./model.ts";
import { type PlainError, plainError } from "./words.ts";

/** Return the element of this id; the page is ours, so it is there and of this kind. */
export function element<Kind extends HTMLElement>(id: string, kind: new () => Kind): Kind {
  const found = document.getElementById(id);
  if (!(found instanceof kind)) throw new Error(`the page has no ${kind.name} #${id}`);
  return found;
}

const button = (id: string) => element(id, HTMLButtonElement);
const check = (id: string) => element(id, HTMLInputElement);

/** The page's controls by name, and what they say. */
export const page = {
  file: check("file"),
  sample: button("sample"),
  camera: button("camera"),
  stage: element("stage", HTMLElement),
  space: element("space", HTMLCanvasElement),
  box: element("box", HTMLFormElement),
  whole: button("whole"),
  live: element("live", HTMLElement),
  track: check("track"),
  smoothing: element("smoothing", HTMLSelectElement),
  reset: button("reset"),
  saveGlb: button("save-glb"),
  saveJson: button("save-json"),
  xr: button("xr"),
  keyDialog: element("key-dialog", HTMLDialogElement),
  keyForm: element("key-form", HTMLFormElement),
  keyInput: check("key"),
  keyReason: element("key-reason", HTMLElement),
  keyCancel: button("key-cancel"),
  sides: [...document.querySelectorAll<HTMLInputElement>("input[name=hand]")],
  lookBoxes: [check("show-mesh"), check("show-wireframe"), check("show-joints")] as const,
};

export function sideChosen(): Side {
  return page.sides.find((radio) => radio.checked)?.value === "left" ? "left" : "right";
}

export function looksChosen(): Looks {
  const [mesh, wireframe, joints] = page.lookBoxes;
  return { mesh: mesh.checked, wireframe: wireframe.checked, joints: joints.checked };
}

export function liveChoices(): LiveChoices {
  const smoothing = page.smoothing.value as LiveChoices["smoothing"];
  return { track: page.track.checked, smoothing, side: sideChosen() };
}

export function say(text: string): void {
  const status = element("status", HTMLElement);
  if (status.textContent !== text) status.textContent = text; // a screen reader reads every change
}

export function showError(error: unknown): void {
  showPlainError(plainError(error));
}

export function showPlainError({ text, detail }: PlainError): void {
  const notice = element("error", HTMLElement);
  const [words, small] = notice.children;
  if (!notice.hidden && words?.textContent === text) return;
  if (words) words.textContent = text;
  if (small) small.textContent = detail;
  notice.hidden = false;
}

export function clearError(): void {
  element("error", HTMLElement).hidden = true;
}

export function showFigures({ fps, ageMs, dropped }: LiveFigures, tracking: string): void {
  element("fps", HTMLElement).textContent = fps.toFixed(1);
  element("age", HTMLElement).textContent = ageMs.toFixed(0);
  element("dropped", HTMLElement).textContent = String(dropped);
  element("tracking", HTMLElement).textContent = tracking;
}

export function writeBox(box: BoxPx | null): void {
  ["x", "y", "width", "height"].forEach((name, index) => {
    const input = page.box.elements.namedItem(name) as HTMLInputElement;
    input.value = box ? String(box[index]) : "";
  });
}

export function readBox(): BoxPx {
  const entries = new FormData(page.box);
  return [...["x", "y", "width", "height"].map((name) => Number(entries.get(name)))] as unknown as BoxPx;
}

export function download(blob: Blob, name: string): void {
  const link = document.createElement("a");
  link.href = URL.createObjectURL(blob);
  link.download = name;
  link.click();
  setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
}
