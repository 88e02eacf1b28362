import type {
  BoxPx,
  HandApi,
  HandMessage,
  ModelDocument,
  ReconstructQuery,
  StreamState,
} from "../client/index.ts";
import { HandSession } from "../xr/session.ts";
import type { CapturedFrame } from "./camera.ts";
import { handOfDocument, handOfMessage, type ShownHand } from "./hand.ts";
import { Live } from "./live.ts";
import * as ui from "./page.ts";
import { guessedIntrinsics, middleBox, type Picture, pictureOf, roundedBox } from "./picture.ts";
import { SpaceView } from "./space.ts";
import { Stage } from "./stage.ts";
import { wordsFor } from "./words.ts";

/** What the hand on the screen was made from: the gateway makes the files to download from the same. */
interface Shot {
  image: Blob;
  query: ReconstructQuery;
}

/** What the page does: a photo or a live stream in, the hand on the photo and in space. */
export class Viewer {
  private readonly api: HandApi;
  private readonly model: ModelDocument;
  private readonly stage: Stage;
  private readonly space: SpaceView;
  private picture: Picture | null = null;
  private box: BoxPx | null = null;
  private live: Live | null = null;
  private starting = false;
  private session: HandSession | null = null;
  private shot: Shot | null = null;
  private asked = new AbortController();

  constructor(api: HandApi, model: ModelDocument) {
    this.api = api;
    this.model = model;
    this.stage = new Stage(ui.page.stage, model.contract);
    this.space = new SpaceView(ui.page.space, model.contract);
    this.stage.onBox = (box) => this.useBox(box);
    this.look();
  }

  /** Show a photo and its hand; `share` of its shorter side is the box in its middle, none the whole photo. */
  async openPhoto(blob: Blob, share?: number): Promise<void> {
    this.stopLive();
    ui.clearError();
    try {
      this.picture = await pictureOf(blob);
    } catch (error) {
      ui.showError(error);
      return;
    }
    const { image, widthPx, heightPx } = this.picture;
    this.forgetHand();
    this.stage.showPicture(image, widthPx, heightPx);
    this.useBox(share ? middleBox(widthPx, heightPx, share) : null);
  }

  /** Look where this box is, in the photo or in the live picture. */
  useBox(box: BoxPx | null): void {
    this.box = box;
    this.stage.showBox(box);
    ui.writeBox(box);
    if (this.live && box) this.live.setBox(box);
    else void this.reconstruct();
  }

  useSide(): void {
    if (this.live) this.useLiveChoices();
    else void this.reconstruct();
  }

  useLiveChoices(): void {
    this.live?.setChoices(ui.liveChoices());
  }

  look(): void {
    this.stage.look(ui.looksChosen());
    this.space.look(ui.looksChosen());
  }

  resetView(): void {
    this.space.reset(ui.sideChosen());
  }

  async save(kind: "json" | "glb"): Promise<void> {
    if (!this.shot) return;
    try {
      ui.download(await this.api.reconstructFile(this.shot.image, this.shot.query, kind), `hand.${kind}`);
    } catch (error) {
      ui.showError(error);
    }
  }

  async toggleLive(): Promise<void> {
    if (this.starting) return;
    if (this.live) {
      this.stopLive();
      ui.say("The camera is off. Its last picture stays: drag a box round the hand to look closer.");
      return;
    }
    ui.clearError();
    this.asked.abort();
    this.starting = true;
    try {
      this.live = await Live.start(this.api, this.model, ui.liveChoices(), {
        onHand: (message, frame) => this.showLive(message, frame),
        onProblem: (slug, detail, frame) => this.showProblem(slug, detail, frame),
        onState: (state, reason) => this.showState(state, reason),
      });
      this.forgetHand();
      ui.writeBox(this.live.guide);
      ui.showFigures(this.live.figures, "–");
    } catch (error) {
      ui.showError(error);
    } finally {
      this.starting = false;
    }
    this.markLive();
  }

  async toggleXr(mode: XRSessionMode): Promise<void> {
    if (this.session) {
      await this.session.end();
      return;
    }
    try {
      this.session = await HandSession.begin(mode, () => {
        this.session = null;
        this.live?.setWebxr(false);
        ui.page.xr.setAttribute("aria-pressed", "false");
      });
    } catch (error) {
      ui.showError(error);
      return;
    }
    ui.page.xr.setAttribute("aria-pressed", "true");
    this.live?.setWebxr(true);
    dispatchEvent(new CustomEvent("simahand-xrhand", { detail: this.session.hand })); // for whoever embeds it
    if (!this.live) await this.toggleLive();
    this.live?.setWebxr(true);
  }

  private async reconstruct(): Promise<void> {
    const picture = this.picture;
    if (!picture || this.live) return;
    this.asked.abort();
    const asked = new AbortController();
    this.asked = asked;
    const query = this.query(picture.widthPx, picture.heightPx, this.box);
    ui.say("Looking at the hand …");
    try {
      const document = await this.api.reconstruct(picture.blob, query, asked.signal);
      ui.clearError();
      this.shot = { image: picture.blob, query };
      this.show(handOfDocument(document), picture.widthPx, picture.heightPx);
      const took = Object.values(document.timing_ms).reduce((sum, each) => sum + each, 0);
      ui.say(`A ${document.hand} hand, ${took.toFixed(0)} ms. Drag a box round the hand to look closer.`);
    } catch (error) {
      if (asked.signal.aborted) return;
      this.forgetHand();
      ui.say("No hand to show.");
      ui.showError(error);
    }
  }

  private query(widthPx: number, heightPx: number, box: BoxPx | null): ReconstructQuery {
    const [fx, fy, cx, cy] = guessedIntrinsics(widthPx, heightPx);
    return { hand: ui.sideChosen(), fx, fy, cx, cy, ...(box ? { box: box.join() } : {}) };
  }

  private show(hand: ShownHand, widthPx: number, heightPx: number): void {
    this.stage.showHand(hand);
    this.space.show(hand);
    this.allowSaving();
    ui.page.stage.ariaLabel = `A photo of ${widthPx} by ${heightPx} pixels, a ${hand.side} hand's mesh over it`;
  }

  private showLive(message: HandMessage, frame: CapturedFrame): void {
    const live = this.live;
    if (!live) return;
    const { width, height } = frame.image;
    const hand = handOfMessage(message);
    ui.clearError();
    this.stage.showPicture(frame.image, width, height);
    this.picture = { blob: frame.blob, image: frame.image, widthPx: width, heightPx: height };
    const square = message.tracking === "tracking" ? message.box : null;
    this.stage.showBox(square ? null : live.guide, square);
    const tight = message.box ? live.tightBox(message.box) : null;
    this.box = tight && roundedBox(tight); // so that the last frame can be asked about as a photo
    this.shot = { image: frame.blob, query: this.query(width, height, tight) };
    this.show(hand, width, height);
    this.session?.update(hand.webxr, hand.side);
    ui.showFigures(live.figures, message.tracking || "in the box");
    const where = square ? "The box follows the hand." : "Hold one hand in the yellow box.";
    ui.say(this.session ? `${this.session.hand.size} joints in XR.` : `Live. ${where}`);
  }

  private showProblem(slug: string, detail: string, frame: CapturedFrame | undefined): void {
    if (!this.live) return;
    if (frame) this.stage.showPicture(frame.image, frame.image.width, frame.image.height);
    this.stage.showHand(null);
    this.stage.showBox(this.live.guide);
    ui.showFigures(this.live.figures, "–");
    ui.showPlainError({ text: wordsFor(slug), detail });
  }

  private showState(state: StreamState, reason: string): void {
    // A browser does not say why a stream was refused: if for its key, this asks for another one.
    if (state === "waiting" && this.api.keys.current) void this.api.model().catch(() => undefined);
    if (state === "waiting") ui.say(`The connection broke${reason ? ` (${reason})` : ""}. Trying again …`);
    if (state === "connecting") ui.say("Connecting …");
    if (state === "open") ui.say("Connected. Hold one hand in the yellow box.");
  }

  private stopLive(): void {
    if (!this.live) return;
    this.live.close();
    this.live = null;
    this.stage.showBox(this.box);
    ui.writeBox(this.box);
    void this.session?.end();
    this.markLive();
  }

  private markLive(): void {
    const on = this.live !== null;
    ui.page.camera.setAttribute("aria-pressed", String(on));
    ui.page.camera.textContent = on ? "Stop the camera" : "Use the camera";
    ui.page.live.hidden = !on;
    ui.page.whole.hidden = on;
  }

  private forgetHand(): void {
    this.shot = null;
    this.stage.showHand(null);
    this.space.clear();
    this.allowSaving();
  }

  private allowSaving(): void {
    for (const save of [ui.page.saveGlb, ui.page.saveJson]) save.disabled = this.shot === null;
  }
}
