import { DirectionalLight, HemisphereLight, PerspectiveCamera, Scene, Vector3, WebGLRenderer } from "three";
import { OrbitControls } from "three/addons/controls/OrbitControls.js";
import type { Contract, ShownHand } from "./hand.ts";
import { HandModel, type Looks } from "./model.ts";

const FIELD_OF_VIEW_DEG = 35;
const TURN_PER_KEY_RAD = Math.PI / 24;

/** The hand in space: turned by mouse, finger or arrow keys; drawn only when something changed. */
export class SpaceView {
  readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly camera = new PerspectiveCamera(FIELD_OF_VIEW_DEG, 1, 0.01, 10);
  private readonly controls: OrbitControls;
  private readonly hand: HandModel;
  private framed: ShownHand["side"] | null = null;
  private frame = 0;

  constructor(canvas: HTMLCanvasElement, contract: Contract) {
    this.renderer = new WebGLRenderer({ canvas, antialias: true, alpha: true });
    this.renderer.setPixelRatio(Math.min(devicePixelRatio, 2));
    this.hand = new HandModel(contract);
    this.scene.add(this.hand.group, ...lights());
    this.camera.position.set(0, 0, 0.5);
    this.controls = new OrbitControls(this.camera, canvas);
    this.controls.addEventListener("change", () => this.draw());
    canvas.addEventListener("keydown", (event) => this.turn(event));
    new ResizeObserver(() => this.resize()).observe(canvas);
  }

  show(hand: ShownHand): void {
    this.hand.show(hand);
    this.tellWhetherEmpty();
    if (this.framed !== hand.side) this.reset(hand.side);
    this.draw();
  }

  look(looks: Looks): void {
    this.hand.look(looks);
    this.draw();
  }

  /** Look at the hand from where the photo was taken. */
  reset(side: ShownHand["side"]): void {
    this.framed = side;
    const sphere = this.hand.surface.geometry.boundingSphere;
    if (!sphere) return;
    const halfView = ((FIELD_OF_VIEW_DEG / 2) * Math.PI) / 180;
    const distance = (1.15 * sphere.radius) / Math.sin(halfView) / Math.min(1, this.camera.aspect);
    this.controls.target.copy(sphere.center);
    this.camera.position.copy(sphere.center).add(new Vector3(0, 0, distance));
    this.controls.update();
    this.draw();
  }

  /** Show nothing, and frame the next hand anew. */
  clear(): void {
    this.framed = null;
    this.hand.group.visible = false;
    this.tellWhetherEmpty();
    this.draw();
  }

  draw(): void {
    if (this.frame) return;
    this.frame = requestAnimationFrame(() => {
      this.frame = 0;
      this.renderer.render(this.scene, this.camera);
    });
  }

  private tellWhetherEmpty(): void {
    const view = this.renderer.domElement.parentElement;
    if (view) view.dataset.state = this.hand.group.visible ? "filled" : "empty";
  }

  private turn(event: KeyboardEvent): void {
    const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[event.key];
    if (!step) return;
    event.preventDefault();
    const [across = 0, down = 0] = step;
    const offset = this.camera.position.clone().sub(this.controls.target);
    offset.applyAxisAngle(new Vector3(0, 1, 0), across * TURN_PER_KEY_RAD);
    const right = new Vector3(0, 1, 0).cross(offset).normalize();
    if (
      Math.abs(
        offset
          .clone()
          .applyAxisAngle(right, down * TURN_PER_KEY_RAD)
          .normalize().y,
      ) < 0.98
    ) {
      offset.applyAxisAngle(right, down * TURN_PER_KEY_RAD);
    }
    this.camera.position.copy(this.controls.target).add(offset);
    this.controls.update();
  }

  private resize(): void {
    const { clientWidth, clientHeight } = this.renderer.domElement;
    if (clientWidth === 0 || clientHeight === 0) return;
    this.renderer.setSize(clientWidth, clientHeight, false);
    this.camera.aspect = clientWidth / clientHeight;
    this.camera.updateProjectionMatrix();
    this.draw();
  }
}

/** Light from the sky, and from over the viewer's shoulder. */
export function lights(): [HemisphereLight, DirectionalLight] {
  const key = new DirectionalLight(0xffffff, 2.2);
  key.position.set(0.6, 1, 1.4);
  return [new HemisphereLight(0xffffff, 0x8a7f78, 1.4), key];
}
