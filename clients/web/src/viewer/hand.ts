import type { HandDocument, HandMessage, ModelDocument, NamedJoint, Side } from "../client/index.ts";
import { floatsOf } from "../client/messages.ts";

/** A hand to be shown, whichever way it came: camera axes, metres, the wrist at the origin; pixels upright. */
export interface ShownHand {
  side: Side;
  verticesM: Float32Array; // (V * 3)
  jointsM: Float32Array; // (J * 3)
  jointsPx: Float32Array; // (J * 2)
  translationM: readonly [number, number, number] | null;
  webxr: NamedJoint[];
}

export type Contract = ModelDocument["contract"];

export function handOfDocument(document: HandDocument): ShownHand {
  return {
    side: document.hand === "left" ? "left" : "right",
    verticesM: Float32Array.from(document.vertices.flat()),
    jointsM: Float32Array.from(document.joints.flat()),
    jointsPx: Float32Array.from(document.joints_2d.flat()),
    translationM: document.translation,
    webxr: [],
  };
}

export function handOfMessage(message: HandMessage): ShownHand {
  return {
    side: message.hand,
    verticesM: floatsOf(message.vertices),
    jointsM: floatsOf(message.joints),
    jointsPx: floatsOf(message.joints_px),
    translationM: message.translation,
    webxr: message.joint_sets.webxr ?? [],
  };
}
