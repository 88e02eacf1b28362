import { ProblemError, UnreachableError } from "../client/index.ts";
import { UnreadablePictureError } from "./picture.ts";

/** What went wrong and what to do, in plain words; the gateway's own detail goes below it. */
export interface PlainError {
  text: string;
  detail: string;
}

/** One for each kind of problem that the gateway has; a test keeps it so. */
const WORDS: Record<string, string> = {
  "unreadable-image": "This file is not a complete picture. Try another one.",
  "malformed-multipart": "The upload was damaged on its way. Try again.",
  "malformed-request": "The question was damaged on its way. Try again.",
  "head-too-large": "The question was too long for the server. Load the page again.",
  "bad-box": "The box lies outside the picture. Drag a new one round the hand.",
  unauthorized: "This server asks for an API key. Load the page again to give one.",
  "foreign-origin": "The server takes no live pictures from a page of this address.",
  "unknown-model": "The server no longer has this model. Load the page again.",
  "not-acceptable": "The server cannot write this kind of file.",
  "slow-upload": "The upload took too long. Try a smaller picture or a better connection.",
  "too-large": "This picture is too large for the server. Make it smaller first.",
  "unsupported-media-type": "This kind of file is not accepted. Use a JPEG, a PNG or a WebP picture.",
  "invalid-parameter": "The page asked for something that the server does not know. Load the page again.",
  "rate-limited": "Your key has asked too often. Try again in a moment.",
  overloaded: "The server is busy. Try again in a moment.",
  "engine-fault": "The network failed on this picture. Try another box or another picture.",
  "engine-unavailable": "The server is starting or has lost its engine. Try again in a few seconds.",
  "deadline-exceeded": "The server took too long. Try again in a moment.",
  "hand-lost": "The hand is lost. Hold it in the yellow box.",
  "internal-error": "Something broke in the server. Its log says what.",
};

const CAMERA_WORDS: Record<string, string> = {
  NotAllowedError: "The camera is blocked. Allow it for this page in the browser's settings.",
  NotFoundError: "No camera was found.",
  NotReadableError: "The camera is in use by another program.",
};

export function wordsFor(slug: string): string {
  return WORDS[slug] ?? "The server refused this.";
}

/** Return an error in plain words. */
export function plainError(error: unknown): PlainError {
  if (error instanceof ProblemError) return { text: wordsFor(error.slug), detail: error.detail };
  if (error instanceof UnreachableError) {
    return { text: "The server cannot be reached. Is it still running?", detail: error.message };
  }
  if (error instanceof UnreadablePictureError) {
    return { text: "This file is not a picture that the browser can show.", detail: error.message };
  }
  const name = error instanceof Error ? error.name : "";
  const known = CAMERA_WORDS[name];
  if (known) return { text: known, detail: String(error) };
  return { text: "Something went wrong on this page.", detail: String(error) };
}

/** A browser gives no camera to a page that came over plain HTTP from another machine. */
export class InsecurePageError extends Error {
  override readonly name = "InsecurePageError";
}

CAMERA_WORDS.InsecurePageError = "The browser allows the camera only over HTTPS or on localhost.";
