import type { NamedJoint, Side } from "../client/index.ts";

/** A streamed joint in the place of an `XRJointSpace`. */
export class StreamedJointSpace extends EventTarget {
  readonly jointName: XRHandJoint;
  pose: StreamedJointPose;

  constructor(jointName: XRHandJoint, pose: StreamedJointPose) {
    super();
    this.jointName = jointName;
    this.pose = pose;
  }
}

/** Shaped as `XRJointPose`: metres, x right, y up, z towards the viewer, the wrist at the origin. */
export interface StreamedJointPose {
  readonly transform: XRRigidTransform;
  readonly radius: number;
  readonly emulatedPosition: boolean;
}

/** A hand that came over the stream, shaped as `XRHand`: a map in the standard's order. */
export class StreamedHand extends Map<XRHandJoint, StreamedJointSpace> {
  handedness: XRHandedness = "none";

  /** Move the joints to where a reply has them; the joint spaces stay the same objects. */
  update(joints: readonly NamedJoint[], side: Side): void {
    this.handedness = side;
    for (const joint of joints) {
      const [x, y, z] = joint.position_m;
      const [qx, qy, qz, qw] = joint.orientation;
      const pose = {
        transform: new XRRigidTransform({ x, y, z }, { x: qx, y: qy, z: qz, w: qw }),
        radius: joint.radius_m,
        emulatedPosition: joint.synthesised,
      };
      const name = joint.name as XRHandJoint;
      const space = this.get(name);
      if (space) space.pose = pose;
      else this.set(name, new StreamedJointSpace(name, pose));
    }
  }
}
