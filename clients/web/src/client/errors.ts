/**
 * Every way in which a call can fail.
 *
 *     GatewayError
 *     ├── ProblemError       the gateway said no (a problem document)
 *     └── UnreachableError   nobody answered, or what answered was no gateway
 */

import type { paths } from "./openapi.ts";

type Refusals = paths["/v1/reconstruct"]["post"]["responses"];
type Problem = Refusals[400]["content"]["application/problem+json"];

const TYPE_PREFIX = "urn:simahand:problem:";

export class GatewayError extends Error {}

export class ProblemError extends GatewayError {
  override readonly name = "ProblemError";
  readonly slug: string;
  readonly title: string;
  readonly detail: string;
  readonly status: number;

  constructor(problem: Problem) {
    super(`${problem.title}: ${problem.detail}`);
    this.slug = problem.type.replace(TYPE_PREFIX, "");
    this.title = problem.title;
    this.detail = problem.detail;
    this.status = problem.status;
  }
}

export class UnreachableError extends GatewayError {
  override readonly name = "UnreachableError";
}

/** Return the error that a reply without success stands for. */
export async function errorOf(response: Response): Promise<GatewayError> {
  if (response.headers.get("content-type")?.startsWith("application/problem+json")) {
    return new ProblemError((await response.json()) as Problem);
  }
  return new UnreachableError(`the answer was ${response.status} ${response.statusText}, not the gateway's`);
}
