import { PerspectiveCamera, Scene, WebGLRenderer } from "three";
import type { IntrinsicsPx } from "../client/index.ts";
import type { Contract, ShownHand } from "./hand.ts";
import { HandModel, type Looks } from "./model.ts";
import { lights } from "./space.ts";

const OPACITY = 0.72;

/** The mesh over the photo, seen by the pinhole camera that its translation was solved with. */
export class Overlay {
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(50, 1, 0.02, 20);
  private readonly hand: HandModel;

  constructor(canvas: HTMLCanvasElement, contract: Contract) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true, preserveDrawingBuffer: true });
    this.hand = new HandModel(contract);
    this.hand.surface.material.transparent = true;
    this.hand.surface.material.opacity = OPACITY;
    this.hand.look({ mesh: true, wireframe: false, joints: false });
    this.scene.add(this.hand.group, ...lights());
  }

  /** Draw a hand over a picture of this size; nothing where it has no place in the camera's frame. */
  show(hand: ShownHand | null, widthPx: number, heightPx: number, [, fy]: IntrinsicsPx): void {
    this.renderer.setSize(widthPx, heightPx, false);
    this.camera.aspect = widthPx / heightPx; // the principal point is the middle, the pixels are square
    this.camera.fov = (2 * Math.atan(heightPx / 2 / fy) * 180) / Math.PI;
    this.camera.updateProjectionMatrix();
    this.hand.group.visible = false;
    if (hand?.translationM) {
      const [x, y, z] = hand.translationM;
      this.hand.show(hand);
      this.hand.group.position.set(x, -y, -z);
    }
    this.draw();
  }

  look({ mesh, wireframe }: Looks): void {
    this.hand.look({ mesh, wireframe, joints: false }); // joints are drawn where the network saw them
    this.draw();
  }

  private draw(): void {
    this.renderer.render(this.scene, this.camera);
  }
}
