import {
  type BoxPx,
  type FrameFields,
  type HandApi,
  type HandMessage,
  HandStream,
  type ModelDocument,
  type OptionsMessage,
  type Side,
  type StreamEvents,
  type StreamState,
} from "../client/index.ts";
import { Camera, type CapturedFrame } from "./camera.ts";
import { guessedIntrinsics, middleBox } from "./picture.ts";

export interface LiveChoices {
  track: boolean;
  smoothing: NonNullable<OptionsMessage["smoothing"]>;
  side: Side;
}

/** Counted since the start; `fps` and `ageMs` over the last second or so. */
export interface LiveFigures {
  fps: number;
  ageMs: number;
  dropped: number;
}

export interface LiveEvents {
  onHand(message: HandMessage, frame: CapturedFrame): void;
  /** The frame that could not be answered, for the picture to go on. */
  onProblem(slug: string, detail: string, frame: CapturedFrame | undefined): void;
  onState(state: StreamState, reason: string): void;
}

const GUIDE_SHARE = 0.6;
const BLEND = 0.1; // of a new value into the figures: the last ten replies

/** Camera frames to the gateway, its answers back, each with the frame that it belongs to. */
export class Live {
  readonly figures: LiveFigures = { fps: 0, ageMs: 0, dropped: 0 };
  private readonly camera: Camera;
  private readonly stream: HandStream;
  private readonly events: LiveEvents;
  private readonly sent = new Map<number, CapturedFrame>();
  private readonly cropScale: number;
  private choices: LiveChoices;
  /** Where the user drew the box, or the guide in the middle. */
  private box: BoxPx;
  /** Where the followed hand was last; null while none is followed. */
  private followed: BoxPx | null = null;
  private boxDue = true;
  private webxr = false;
  private capturing = false;
  private closed = false;
  private repliedAtMs = 0;
  private intervalMs = 0;

  /** Ask for the camera and open the stream. */
  static async start(
    api: HandApi,
    model: ModelDocument,
    choices: LiveChoices,
    events: LiveEvents,
  ): Promise<Live> {
    return new Live(await Camera.open(), api, model, choices, events);
  }

  private constructor(
    camera: Camera,
    api: HandApi,
    model: ModelDocument,
    choices: LiveChoices,
    events: LiveEvents,
  ) {
    this.camera = camera;
    this.choices = choices;
    this.events = events;
    this.cropScale = model.contract.crop_scale;
    this.box = middleBox(...camera.sizePx, GUIDE_SHARE);
    const heard: StreamEvents = {
      onHand: (message) => this.answered(message),
      onProblem: ({ frame_id, dropped, tracking, slug, detail }) => {
        this.figures.dropped += dropped;
        if (tracking === "lost") this.lose();
        events.onProblem(slug, detail, this.take(frame_id));
      },
      onState: (state, reason) => {
        if (state === "open") this.begin();
        events.onState(state, reason);
      },
    };
    this.stream = new HandStream(api.base, model.streams.websocket, this.options(), heard, api.keys);
    camera.watch(() => void this.offer());
  }

  /** Where the hand is looked for: the guide in the middle until the user draws another box. */
  get guide(): BoxPx {
    return this.box;
  }

  setBox(box: BoxPx): void {
    this.box = box;
    this.lose();
  }

  setChoices(choices: LiveChoices): void {
    if (choices.side !== this.choices.side) this.followed = null; // the other hand is elsewhere
    this.choices = choices;
    this.boxDue = true;
    this.stream.setOptions(this.options());
  }

  /** Ask for the joints of WebXR as well, or no longer. */
  setWebxr(wanted: boolean): void {
    this.webxr = wanted;
    this.boxDue = true; // with other options the gateway begins anew
    this.stream.setOptions(this.options());
  }

  close(): void {
    this.closed = true;
    this.camera.close();
    this.stream.close();
  }

  private options(): Omit<OptionsMessage, "type"> {
    const { track, smoothing } = this.choices;
    return { track, smoothing, joint_sets: this.webxr ? ["webxr"] : [] };
  }

  /** A new connection knows no hand: the next frame says where it was last. */
  private begin(): void {
    this.sent.clear();
    this.boxDue = true;
  }

  /** Begin again where the guide is. */
  private lose(): void {
    this.followed = null;
    this.boxDue = true;
  }

  private async offer(): Promise<void> {
    if (!this.stream.hasRoom || this.capturing) {
      this.figures.dropped += 1;
      return;
    }
    this.capturing = true;
    try {
      const frame = await this.camera.capture();
      const encoded = new Uint8Array(await frame.blob.arrayBuffer());
      if (!this.closed && this.stream.hasRoom)
        this.sent.set(this.stream.send(this.fields(frame, encoded)), frame);
    } finally {
      this.capturing = false;
    }
  }

  private fields(frame: CapturedFrame, encoded: Uint8Array): FrameFields {
    const intrinsics = guessedIntrinsics(frame.image.width, frame.image.height);
    const withBox = this.boxDue || !this.choices.track;
    this.boxDue = false;
    const box = (this.choices.track && this.followed) || this.box;
    return { encoded, hand: this.choices.side, intrinsics, ...(withBox ? { box } : {}) };
  }

  private answered(message: HandMessage): void {
    const frame = this.take(message.frame_id);
    const nowMs = performance.now();
    const figures = this.figures;
    figures.dropped += message.dropped;
    figures.ageMs += (message.age_ms - figures.ageMs) * (figures.ageMs === 0 ? 1 : BLEND);
    if (this.repliedAtMs > 0) {
      const intervalMs = nowMs - this.repliedAtMs;
      this.intervalMs += (intervalMs - this.intervalMs) * (this.intervalMs === 0 ? 1 : BLEND);
      figures.fps = 1000 / this.intervalMs;
    }
    this.repliedAtMs = nowMs;
    if (message.tracking === "lost") this.lose();
    else if (message.tracking === "tracking" && message.box && !this.boxDue) {
      this.followed = this.tightBox(message.box);
    }
    if (frame) this.events.onHand(message, frame);
  }

  /** Return the frame of a reply, and forget it with all that came before it. */
  private take(frameId: number): CapturedFrame | undefined {
    const frame = this.sent.get(frameId);
    for (const id of this.sent.keys()) if (id <= frameId) this.sent.delete(id);
    return frame;
  }

  /** Return the tight box whose crop is `square`. */
  tightBox([x, y, width, height]: BoxPx): BoxPx {
    const [tightWidth, tightHeight] = [width / this.cropScale, height / this.cropScale];
    return [x + (width - tightWidth) / 2, y + (height - tightHeight) / 2, tightWidth, tightHeight];
  }
}
