import { HandApi } from "../client/index.ts";
import { supportedMode } from "../xr/session.ts";
import { TypedKey } from "./keys.ts";
import { element, page, readBox, showError } from "./page.ts";
import sampleUrl from "./sample.jpg";
import { Viewer } from "./viewer.ts";

const SAMPLE_BOX_SHARE = 0.55; // the sample was rendered with twice the room that its hand needs

async function start(): Promise<void> {
  const api = new HandApi(new URL(".", location.href), new TypedKey());
  const model = await api.model();
  const viewer = new Viewer(api, model);
  element("about", HTMLElement).textContent =
    `Model ${model.contract.model} ${model.versions.at(-1) ?? "(engine away)"}, gateway ${model.gateway.version}.`;

  page.file.addEventListener("change", () => {
    const file = page.file.files?.[0];
    if (file) void viewer.openPhoto(file);
    page.file.value = ""; // so that the same file may be chosen again
  });
  page.sample.addEventListener("click", async () => {
    await viewer.openPhoto(await (await fetch(sampleUrl)).blob(), SAMPLE_BOX_SHARE);
  });
  page.camera.addEventListener("click", () => void viewer.toggleLive());
  for (const radio of page.sides) radio.addEventListener("change", () => viewer.useSide());
  for (const box of page.lookBoxes) box.addEventListener("change", () => viewer.look());
  for (const choice of [page.track, page.smoothing]) {
    choice.addEventListener("change", () => viewer.useLiveChoices());
  }
  page.box.addEventListener("submit", (event) => {
    event.preventDefault();
    viewer.useBox(readBox());
  });
  page.whole.addEventListener("click", () => viewer.useBox(null));
  page.reset.addEventListener("click", () => viewer.resetView());
  page.saveGlb.addEventListener("click", () => void viewer.save("glb"));
  page.saveJson.addEventListener("click", () => void viewer.save("json"));
  takeDrops(viewer);
  element("controls", HTMLElement).inert = false;
  await offerXr(viewer);
}

function takeDrops(viewer: Viewer): void {
  document.addEventListener("dragover", (event) => {
    event.preventDefault();
    page.stage.classList.add("dropping");
  });
  document.addEventListener("dragleave", () => page.stage.classList.remove("dropping"));
  document.addEventListener("drop", (event) => {
    event.preventDefault();
    page.stage.classList.remove("dropping");
    const file = event.dataTransfer?.files[0];
    if (file) void viewer.openPhoto(file);
  });
}

async function offerXr(viewer: Viewer): Promise<void> {
  const mode = await supportedMode();
  if (!mode) return;
  page.xr.hidden = false;
  page.xr.textContent = mode === "immersive-ar" ? "Enter AR" : "Enter VR";
  page.xr.addEventListener("click", () => void viewer.toggleXr(mode));
}

start().catch(showError);
