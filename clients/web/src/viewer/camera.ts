import { InsecurePageError } from "./words.ts";

const LONGEST_SIDE_SENT_PX = 640;
const JPEG_QUALITY = 0.85;

/** One camera frame: kept to be shown under its own answer, and encoded to be sent. */
export interface CapturedFrame {
  image: HTMLCanvasElement;
  blob: Blob;
}

/** The webcam, in frames small enough to be sent many times a second. */
export class Camera {
  private readonly video: HTMLVideoElement;
  private readonly media: MediaStream;

  private constructor(video: HTMLVideoElement, media: MediaStream) {
    this.video = video;
    this.media = media;
  }

  /** Ask for the camera; throws the browser's `DOMException` where it is refused. */
  static async open(): Promise<Camera> {
    if (!navigator.mediaDevices) throw new InsecurePageError(location.origin);
    const wanted = { facingMode: "environment", width: { ideal: 1280 }, height: { ideal: 720 } };
    const media = await navigator.mediaDevices.getUserMedia({ video: wanted, audio: false });
    const video = document.createElement("video");
    video.muted = true;
    video.playsInline = true;
    video.srcObject = media;
    await video.play();
    return new Camera(video, media);
  }

  get sizePx(): readonly [width: number, height: number] {
    const { videoWidth, videoHeight } = this.video;
    const scale = Math.min(1, LONGEST_SIDE_SENT_PX / Math.max(videoWidth, videoHeight));
    return [Math.round(videoWidth * scale), Math.round(videoHeight * scale)];
  }

  /** Call `seen` at every new frame until the camera is closed or unplugged. */
  watch(seen: () => void): void {
    const next = () => {
      if (!this.media.active) return;
      seen();
      this.video.requestVideoFrameCallback(next);
    };
    this.video.requestVideoFrameCallback(next);
  }

  async capture(): Promise<CapturedFrame> {
    const image = document.createElement("canvas");
    [image.width, image.height] = this.sizePx;
    image.getContext("2d")?.drawImage(this.video, 0, 0, image.width, image.height);
    const blob = await new Promise<Blob | null>((done) => image.toBlob(done, "image/jpeg", JPEG_QUALITY));
    if (!blob) throw new Error("the browser could not encode a camera frame");
    return { image, blob };
  }

  close(): void {
    for (const track of this.media.getTracks()) track.stop();
    this.video.srcObject = null;
  }
}
