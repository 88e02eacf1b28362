import type { BoxPx, IntrinsicsPx } from "../client/index.ts";

/** A picture to ask about: the bytes that are sent, and the same picture upright, as it is shown. */
export interface Picture {
  blob: Blob;
  image: CanvasImageSource;
  widthPx: number;
  heightPx: number;
}

/** A file that this browser cannot read as a picture. */
export class UnreadablePictureError extends Error {}

/** Read a file; the browser turns it upright as the gateway does. */
export async function pictureOf(blob: Blob): Promise<Picture> {
  let image: ImageBitmap;
  try {
    image = await createImageBitmap(blob, { imageOrientation: "from-image" });
  } catch (error) {
    const what = blob instanceof File ? `${blob.name}: ${blob.type || "unknown kind of file"}. ` : "";
    throw new UnreadablePictureError(`${what}Choose a JPEG, a PNG or a WebP picture.`, { cause: error });
  }
  return { blob, image, widthPx: image.width, heightPx: image.height };
}

const FOCAL_LENGTH_OVER_LONGER_SIDE = 0.8;

/**
 * Return a guess of the camera: a phone's main lens, a view of 64 degrees along the longer side. The mesh is
 * drawn with the same numbers that its translation was solved with, so that a wrong guess moves it in depth and
 * hardly on the picture.
 */
export function guessedIntrinsics(widthPx: number, heightPx: number): IntrinsicsPx {
  const focalPx = FOCAL_LENGTH_OVER_LONGER_SIDE * Math.max(widthPx, heightPx);
  return [focalPx, focalPx, widthPx / 2, heightPx / 2];
}

/** Return the box in whole pixels. */
export function roundedBox([x, y, width, height]: BoxPx): BoxPx {
  return [Math.round(x), Math.round(y), Math.round(width), Math.round(height)];
}

/** Return the square in the middle whose side is `share` of the shorter side. */
export function middleBox(widthPx: number, heightPx: number, share: number): BoxPx {
  const sidePx = Math.round(share * Math.min(widthPx, heightPx));
  return roundedBox([(widthPx - sidePx) / 2, (heightPx - sidePx) / 2, sidePx, sidePx]);
}
