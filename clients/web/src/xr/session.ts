import {
  Group,
  IcosahedronGeometry,
  Mesh,
  MeshStandardMaterial,
  PerspectiveCamera,
  Scene,
  WebGLRenderer,
} from "three";
import type { NamedJoint, Side } from "../client/index.ts";
import { lights } from "../viewer/space.ts";
import { StreamedHand } from "./hand.ts";

const MODES = ["immersive-ar", "immersive-vr"] as const;
const DISTANCE_M = 0.45;
const EYE_HEIGHT_M = 1.4;
const MEASURED = 0xd9a58b;
const SYNTHESISED = 0x9db4bd;

/** Return the kind of session that this browser can begin, AR before VR. */
export async function supportedMode(): Promise<XRSessionMode | null> {
  for (const mode of MODES) if (await navigator.xr?.isSessionSupported(mode).catch(() => false)) return mode;
  return null;
}

/** The streamed hand in a WebXR scene, at arm's length before the place where the session began. */
export class HandSession {
  readonly hand = new StreamedHand();
  private readonly renderer: WebGLRenderer;
  private readonly scene = new Scene();
  private readonly joints = new Group();
  private readonly balls = new Map<XRHandJoint, Mesh<IcosahedronGeometry, MeshStandardMaterial>>();

  private constructor(renderer: WebGLRenderer) {
    this.renderer = renderer;
    this.joints.position.set(0, EYE_HEIGHT_M, -DISTANCE_M);
    this.scene.add(this.joints, ...lights());
  }

  /** Begin a session; call it from a click. `ended` is called once, whoever ends it. */
  static async begin(mode: XRSessionMode, ended: () => void): Promise<HandSession> {
    if (!navigator.xr) throw new Error("this browser has no WebXR");
    const session = await navigator.xr.requestSession(mode, { requiredFeatures: ["local-floor"] });
    const renderer = new WebGLRenderer({ alpha: true, antialias: true });
    renderer.xr.enabled = true;
    const view = new HandSession(renderer);
    session.addEventListener("end", () => {
      renderer.setAnimationLoop(null);
      renderer.dispose();
      ended();
    });
    await renderer.xr.setSession(session);
    const camera = new PerspectiveCamera();
    renderer.setAnimationLoop(() => renderer.render(view.scene, camera));
    return view;
  }

  update(joints: readonly NamedJoint[], side: Side): void {
    this.hand.update(joints, side);
    for (const [name, { pose }] of this.hand) {
      const ball = this.balls.get(name) ?? this.addBall(name);
      const { position, orientation } = pose.transform;
      ball.position.set(position.x, position.y, position.z);
      ball.quaternion.set(orientation.x, orientation.y, orientation.z, orientation.w);
      ball.scale.setScalar(pose.radius);
      ball.material.color.set(pose.emulatedPosition ? SYNTHESISED : MEASURED);
    }
  }

  async end(): Promise<void> {
    await this.renderer.xr.getSession()?.end();
  }

  private addBall(name: XRHandJoint): Mesh<IcosahedronGeometry, MeshStandardMaterial> {
    const ball = new Mesh(new IcosahedronGeometry(1, 2), new MeshStandardMaterial());
    this.balls.set(name, ball);
    this.joints.add(ball);
    return ball;
  }
}
