import {
  BufferAttribute,
  BufferGeometry,
  DoubleSide,
  DynamicDrawUsage,
  Group,
  InstancedMesh,
  LineBasicMaterial,
  LineSegments,
  Matrix4,
  Mesh,
  MeshBasicMaterial,
  MeshStandardMaterial,
  SphereGeometry,
} from "three";
import type { Contract, ShownHand } from "./hand.ts";

export interface Looks {
  mesh: boolean;
  wireframe: boolean;
  joints: boolean;
}

const JOINT_RADIUS_M = 0.0022;
const SKIN = 0xd9a58b;
const BONE = 0x0b7285;

/** A hand as three.js objects in glTF axes (x, -y, -z), the wrist at the group's origin. */
export class HandModel {
  readonly group = new Group();
  readonly surface: Mesh<BufferGeometry, MeshStandardMaterial>;
  private readonly wires: Mesh<BufferGeometry, MeshBasicMaterial>;
  private readonly spheres: InstancedMesh;
  private readonly bones: LineSegments<BufferGeometry, LineBasicMaterial>;
  private readonly pairs: readonly (readonly [number, number])[];
  private readonly facesOfSide: Record<ShownHand["side"], BufferAttribute>;

  constructor(contract: Contract) {
    const geometry = new BufferGeometry();
    this.facesOfSide = {
      right: new BufferAttribute(Uint32Array.from(contract.faces.flat()), 1),
      left: new BufferAttribute(Uint32Array.from(contract.faces.flatMap(([a, b, c]) => [a, c, b])), 1),
    };
    this.pairs = contract.bones;
    this.surface = new Mesh(geometry, new MeshStandardMaterial({ color: SKIN, roughness: 0.72 }));
    this.surface.material.polygonOffset = true; // so that the wires lie on top
    this.surface.material.polygonOffsetFactor = 1;
    const wire = { color: BONE, wireframe: true, transparent: true, opacity: 0.55, side: DoubleSide };
    this.wires = new Mesh(geometry, new MeshBasicMaterial(wire));
    const ink = { color: BONE, depthTest: false, transparent: true };
    this.spheres = new InstancedMesh(
      new SphereGeometry(JOINT_RADIUS_M, 12, 8),
      new MeshBasicMaterial(ink),
      contract.joint_names.length,
    );
    const lines = new BufferGeometry();
    lines.setAttribute("position", dynamic(new Float32Array(contract.bones.length * 6)));
    this.bones = new LineSegments(lines, new LineBasicMaterial(ink));
    for (const part of [this.surface, this.wires, this.bones, this.spheres]) part.frustumCulled = false;
    this.group.add(this.surface, this.wires, this.bones, this.spheres);
    this.group.visible = false;
  }

  show(hand: ShownHand): void {
    const geometry = this.surface.geometry;
    geometry.setIndex(this.facesOfSide[hand.side]);
    geometry.setAttribute("position", dynamic(gltfAxes(hand.verticesM)));
    geometry.computeVertexNormals();
    geometry.computeBoundingSphere();
    const joints = gltfAxes(hand.jointsM);
    this.pairs.flat().forEach((joint, end) => {
      this.bones.geometry.getAttribute("position").setXYZ(end, ...place(joints, joint));
    });
    this.bones.geometry.getAttribute("position").needsUpdate = true;
    const matrix = new Matrix4();
    for (let joint = 0; joint < this.spheres.count; joint++) {
      this.spheres.setMatrixAt(joint, matrix.makeTranslation(...place(joints, joint)));
    }
    this.spheres.instanceMatrix.needsUpdate = true;
    this.group.visible = true;
  }

  look({ mesh, wireframe, joints }: Looks): void {
    this.surface.visible = mesh;
    this.wires.visible = wireframe;
    this.bones.visible = joints;
    this.spheres.visible = joints;
  }
}

/** Return camera axes (x right, y down, z away) as glTF's (x right, y up, z towards the viewer). */
function gltfAxes(camera: Float32Array): Float32Array<ArrayBuffer> {
  return Float32Array.from(camera, (value, index) => (index % 3 === 0 ? value : -value));
}

function dynamic(numbers: Float32Array): BufferAttribute {
  return new BufferAttribute(numbers, 3).setUsage(DynamicDrawUsage);
}

function place(points: Float32Array, index: number): [number, number, number] {
  return [points[3 * index] ?? 0, points[3 * index + 1] ?? 0, points[3 * index + 2] ?? 0];
}
