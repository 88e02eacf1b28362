import { errorOf, ProblemError, UnreachableError } from "./errors.ts";
import { type KeySource, NO_KEY } from "./keys.ts";
import type { components, paths } from "./openapi.ts";

export type HandDocument = components["schemas"]["HandDocument"];
export type ModelDocument = components["schemas"]["ModelDocument"];
export type ReconstructQuery = NonNullable<paths["/v1/reconstruct"]["post"]["parameters"]["query"]>;

const JSON_TYPE = "application/json";
const GLB_TYPE = "model/gltf-binary";

/**
 * The REST calls. Every method throws `ProblemError` where the gateway refuses, `UnreachableError` where nobody
 * answers, and the signal's reason where it is aborted.
 */
export class HandApi {
  readonly base: URL;
  readonly keys: KeySource;

  /** @param base where the gateway is, such as `location.href`; @param keys for a gateway that asks for one */
  constructor(base: string | URL, keys: KeySource = NO_KEY) {
    this.base = new URL(base);
    this.keys = keys;
  }

  /** Return the model's contract: faces, bones, joint names; and the gateway's limits. */
  async model(signal?: AbortSignal): Promise<ModelDocument> {
    const response = await this.send("v1/model", { headers: { accept: JSON_TYPE } }, signal);
    return (await response.json()) as ModelDocument;
  }

  /** Return the hand that a JPEG, PNG or WebP shows. */
  async reconstruct(image: Blob, query: ReconstructQuery, signal?: AbortSignal): Promise<HandDocument> {
    return (await (await this.post(image, query, JSON_TYPE, signal)).json()) as HandDocument;
  }

  /** Return the same answer as the file that the gateway writes. */
  async reconstructFile(image: Blob, query: ReconstructQuery, kind: "json" | "glb"): Promise<Blob> {
    return (await this.post(image, query, kind === "glb" ? GLB_TYPE : JSON_TYPE)).blob();
  }

  private post(
    image: Blob,
    query: ReconstructQuery,
    accept: string,
    signal?: AbortSignal,
  ): Promise<Response> {
    const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
    const text = new URLSearchParams(given.map(([name, value]) => [name, String(value)]));
    const headers = { accept, "content-type": image.type || "application/octet-stream" };
    return this.send(`v1/reconstruct?${text}`, { method: "POST", body: image, headers }, signal);
  }

  private async send(path: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
    for (;;) {
      const response = await this.fetch(path, init, signal);
      if (response.ok) return response;
      const error = await errorOf(response);
      const refused = error instanceof ProblemError && error.slug === "unauthorized";
      if (!refused || !(await this.keys.renew(error.detail))) throw error;
    }
  }

  private async fetch(path: string, init: RequestInit, signal?: AbortSignal): Promise<Response> {
    const headers = new Headers(init.headers);
    if (this.keys.current) headers.set("authorization", `Bearer ${this.keys.current}`);
    try {
      return await fetch(new URL(path, this.base), { ...init, headers, signal: signal ?? null });
    } catch (error) {
      signal?.throwIfAborted();
      throw new UnreachableError(String(error));
    }
  }
}
