/**
 * The stream's messages as they stand on the wire (docs/streaming.md): msgpack maps with the fields of
 * `service/rpc/hand_mesh.proto`. A test compares the names here with those there.
 *
 * Camera axes (x right, y down, z away), metres, the wrist at the origin; pixels of the upright picture.
 */

import { decode } from "@msgpack/msgpack";

export type Side = "right" | "left";
export type BoxPx = readonly [x: number, y: number, width: number, height: number];
export type IntrinsicsPx = readonly [fx: number, fy: number, cx: number, cy: number];

export interface OptionsMessage {
  type: "options";
  track?: boolean;
  smoothing?: "off" | "low" | "high";
  precision?: "float32" | "float16";
  without_vertices?: boolean;
  joint_sets?: ("webxr" | "openxr")[];
  model?: string;
  version?: string;
}

export interface FrameMessage {
  type: "frame";
  frame_id: number;
  captured_at_us: number;
  encoded?: Uint8Array;
  raw?: { rgb: Uint8Array; width: number; height: number };
  box?: BoxPx;
  hand?: Side;
  intrinsics?: IntrinsicsPx;
}

/** What every reply says of its frame. */
export interface ReplyHead {
  frame_id: number;
  captured_at_us: number;
  dropped: number;
  age_ms: number;
  tracking?: "" | "tracking" | "lost" | null;
}

export interface HandMessage extends ReplyHead {
  type: "hand";
  box: BoxPx | null;
  model: string;
  version: string;
  hand: Side;
  precision: "float32" | "float16";
  vertices: Uint8Array;
  joints: Uint8Array;
  joints_px: Uint8Array;
  rotation: number[];
  translation: [number, number, number] | null;
  joint_sets: Record<string, NamedJoint[]>;
  timing_ms: Record<string, number>;
}

export interface ProblemMessage extends ReplyHead {
  type: "problem";
  slug: string;
  detail: string;
}

/** Position and orientation (x, y, z, w) in the standard's axes: x right, y up, z towards the viewer. */
export interface NamedJoint {
  name: string;
  position_m: [number, number, number];
  orientation: [number, number, number, number];
  radius_m: number;
  synthesised: boolean;
}

export type ReplyMessage = HandMessage | ProblemMessage;

/** Return the reply that `data` is; throw where it is none. */
export function replyOf(data: ArrayBuffer): ReplyMessage {
  const message = decode(data) as Partial<ReplyMessage> | null;
  if (message?.type === "hand" || message?.type === "problem") return message as ReplyMessage;
  throw new TypeError(`not a reply of the stream: ${String(message?.type)}`);
}

/** Return packed little-endian float32 as numbers, copied since msgpack's view may lie at an odd address. */
export function floatsOf(bytes: Uint8Array): Float32Array<ArrayBuffer> {
  return new Float32Array(bytes.slice().buffer);
}
