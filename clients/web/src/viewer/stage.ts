import type { BoxPx } from "../client/index.ts";
import type { Contract, ShownHand } from "./hand.ts";
import type { Looks } from "./model.ts";
import { Overlay } from "./overlay.ts";
import { guessedIntrinsics, roundedBox } from "./picture.ts";

const LONGEST_SIDE_DRAWN_PX = 1280;
const SMALLEST_BOX_PX = 8;
const INK = "#0b7285";
const BOX_INK = "#ffb703";
/** Chromium 156 may keep showing what was cleared while nothing is drawn after it; nobody sees one pixel of this. */
const UNSEEN = "rgb(0 0 0 / 0.4%)";

/** The photo with what lies on it: the mesh, the joints, the box that is dragged round the hand. */
export class Stage {
  /** Called with the new box when one was drawn. */
  onBox: (box: BoxPx) => void = () => {};
  private readonly root: HTMLElement;
  private readonly photo: HTMLCanvasElement;
  private readonly mesh: HTMLCanvasElement;
  private readonly ink: HTMLCanvasElement;
  private readonly overlay: Overlay;
  private readonly bones: readonly (readonly [number, number])[];
  private widthPx = 0;
  private heightPx = 0;
  private hand: ShownHand | null = null;
  private box: BoxPx | null = null;
  private square: BoxPx | null = null;
  private looks: Looks = { mesh: true, wireframe: false, joints: true };

  constructor(root: HTMLElement, contract: Contract) {
    this.root = root;
    this.photo = layer(root, "photo");
    this.mesh = layer(root, "mesh");
    this.ink = layer(root, "ink");
    this.bones = contract.bones;
    this.overlay = new Overlay(this.mesh, contract);
    this.ink.addEventListener("pointerdown", (event) => this.drag(event));
  }

  showPicture(image: CanvasImageSource, widthPx: number, heightPx: number): void {
    if (widthPx !== this.widthPx || heightPx !== this.heightPx) {
      this.widthPx = widthPx;
      this.heightPx = heightPx;
      const scale = Math.min(1, LONGEST_SIDE_DRAWN_PX / Math.max(widthPx, heightPx));
      for (const canvas of [this.photo, this.mesh, this.ink]) {
        canvas.width = Math.round(widthPx * scale);
        canvas.height = Math.round(heightPx * scale);
      }
      this.root.style.setProperty("--aspect", String(widthPx / heightPx));
    }
    this.root.dataset.state = "filled";
    this.photo.getContext("2d")?.drawImage(image, 0, 0, this.photo.width, this.photo.height);
  }

  showHand(hand: ShownHand | null): void {
    this.hand = hand;
    if (this.widthPx === 0) return;
    const scale = this.mesh.width / this.widthPx;
    const intrinsics = guessedIntrinsics(this.widthPx * scale, this.heightPx * scale);
    this.overlay.show(hand, this.mesh.width, this.mesh.height, intrinsics);
    this.draw();
  }

  /** Show the box that was asked for, and the square that a live stream looks at. */
  showBox(box: BoxPx | null, square: BoxPx | null = null): void {
    this.box = box;
    this.square = square;
    this.draw();
  }

  look(looks: Looks): void {
    this.looks = looks;
    this.overlay.look(looks);
    this.draw();
  }

  private drag(down: PointerEvent): void {
    if (this.widthPx === 0 || down.button !== 0) return;
    down.preventDefault();
    this.ink.setPointerCapture(down.pointerId);
    const before = this.box;
    const from = this.pointOf(down);
    const move = (event: PointerEvent) => this.showBox(boxBetween(from, this.pointOf(event)), this.square);
    const end = (event: PointerEvent) => {
      this.ink.removeEventListener("pointermove", move);
      this.ink.removeEventListener("pointerup", end);
      this.ink.removeEventListener("pointercancel", end);
      const box = boxBetween(from, this.pointOf(event));
      const drawn = event.type === "pointerup" && Math.min(box[2], box[3]) >= SMALLEST_BOX_PX;
      this.showBox(drawn ? box : before, this.square);
      if (drawn) this.onBox(box);
    };
    this.ink.addEventListener("pointermove", move);
    this.ink.addEventListener("pointerup", end);
    this.ink.addEventListener("pointercancel", end);
  }

  private pointOf(event: PointerEvent): readonly [number, number] {
    const shown = this.ink.getBoundingClientRect();
    const x = ((event.clientX - shown.left) / shown.width) * this.widthPx;
    const y = ((event.clientY - shown.top) / shown.height) * this.heightPx;
    return [clamp(x, this.widthPx), clamp(y, this.heightPx)];
  }

  private draw(): void {
    const context = this.ink.getContext("2d");
    if (!context || this.widthPx === 0) return;
    const scale = this.ink.width / this.widthPx;
    const thin = Math.max(1.5, this.ink.width / 320);
    context.setTransform(1, 0, 0, 1, 0, 0);
    context.clearRect(0, 0, this.ink.width, this.ink.height);
    context.fillStyle = UNSEEN;
    context.fillRect(0, 0, 1, 1);
    context.scale(scale, scale);
    context.lineWidth = thin / scale;
    if (this.hand && this.looks.joints) this.drawJoints(context, this.hand.jointsPx, (1.4 * thin) / scale);
    context.strokeStyle = BOX_INK;
    if (this.box) context.strokeRect(...this.box);
    context.setLineDash([(4 * thin) / scale, (3 * thin) / scale]);
    if (this.square) context.strokeRect(...this.square);
    context.setLineDash([]);
  }

  private drawJoints(context: CanvasRenderingContext2D, jointsPx: Float32Array, radius: number): void {
    const at = (joint: number) => [jointsPx[2 * joint] ?? 0, jointsPx[2 * joint + 1] ?? 0] as const;
    context.strokeStyle = INK;
    context.fillStyle = "#ffffff";
    context.beginPath();
    for (const [from, to] of this.bones) {
      context.moveTo(...at(from));
      context.lineTo(...at(to));
    }
    context.stroke();
    for (let joint = 0; 2 * joint < jointsPx.length; joint++) {
      context.beginPath();
      context.arc(...at(joint), radius, 0, 2 * Math.PI);
      context.fill();
      context.stroke();
    }
  }
}

function layer(root: HTMLElement, name: string): HTMLCanvasElement {
  const canvas = document.createElement("canvas");
  canvas.className = `layer ${name}`;
  root.append(canvas);
  return canvas;
}

function boxBetween([x0, y0]: readonly [number, number], [x1, y1]: readonly [number, number]): BoxPx {
  return roundedBox([Math.min(x0, x1), Math.min(y0, y1), Math.abs(x1 - x0), Math.abs(y1 - y0)]);
}

function clamp(value: number, most: number): number {
  return Math.min(Math.max(value, 0), most);
}
