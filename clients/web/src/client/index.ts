/** The gateway's client: REST, and the live stream over WebSocket. It knows nothing of the page. */

export { GatewayError, ProblemError, UnreachableError } from "./errors.ts";
export { type KeySource, NO_KEY } from "./keys.ts";
export type {
  BoxPx,
  HandMessage,
  IntrinsicsPx,
  NamedJoint,
  OptionsMessage,
  ProblemMessage,
  Side,
} from "./messages.ts";
export { HandApi, type HandDocument, type ModelDocument, type ReconstructQuery } from "./rest.ts";
export { type FrameFields, HandStream, type StreamEvents, type StreamState } from "./stream.ts";
