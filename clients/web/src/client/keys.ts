/** Where an API key comes from: the client asks anew for each call, and for another one where it is refused. */
export interface KeySource {
  /** The key to show, null for none. */
  readonly current: string | null;
  /** Get another one after the server's refusal; false gives up. */
  renew(reason: string): Promise<boolean>;
}

/** For a server that asks for none. */
export const NO_KEY: KeySource = { current: null, renew: async () => false };

/**
 * The subprotocols of a stream: a browser's WebSocket takes no headers, and an address with a key in it would lie
 * in logs. The server answers the first one alone.
 */
export function subprotocols(key: string | null): string[] {
  return key ? ["simahand.v1", `simahand.key.${key}`] : [];
}
