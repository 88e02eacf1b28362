import { encode } from "@msgpack/msgpack";
import { type KeySource, NO_KEY, subprotocols } from "./keys.ts";
import type { FrameMessage, HandMessage, OptionsMessage, ProblemMessage, ReplyMessage } from "./messages.ts";
import { replyOf } from "./messages.ts";

export type StreamState = "connecting" | "open" | "waiting" | "closed";
export type FrameFields = Omit<FrameMessage, "type" | "frame_id" | "captured_at_us">;

export interface StreamEvents {
  onHand(message: HandMessage): void;
  /** A frame that could not be answered; the stream goes on. */
  onProblem(message: ProblemMessage): void;
  /** `waiting`: the connection broke, for `reason`, and is tried again. */
  onState(state: StreamState, reason: string): void;
}

/** One frame in the engine and one that waits for it: a third would only push the second out. */
const MAX_UNANSWERED = 2;
const SILENCE_MS = 10_000;
const FIRST_RETRY_MS = 250;
const LONGEST_RETRY_MS = 8_000;

/**
 * A live stream that comes back by itself. After a reconnection the options are sent again; what the server
 * remembered of the hand (tracking box, filters) is gone, so the caller sends the hand's last box when the state
 * is `open`.
 */
export class HandStream {
  private readonly url: URL;
  private readonly events: StreamEvents;
  private readonly keys: KeySource;
  private options: OptionsMessage;
  private socket: WebSocket | null = null;
  private readonly unanswered = new Set<number>();
  private nextId = 1;
  private failures = 0;
  private heardAtMs = 0;
  private retry: number | undefined;
  private closed = false;

  /** @param base where the gateway is; @param path of the stream, as `GET /v1/model` says */
  constructor(
    base: URL,
    path: string,
    options: Omit<OptionsMessage, "type">,
    events: StreamEvents,
    keys: KeySource = NO_KEY,
  ) {
    this.url = new URL(path, base);
    this.url.protocol = base.protocol === "https:" ? "wss:" : "ws:";
    this.options = { type: "options", ...options };
    this.events = events;
    this.keys = keys;
    this.connect();
  }

  /** Whether a frame that is sent now waits for the engine, and pushes no other one out. */
  get hasRoom(): boolean {
    this.breakSilence();
    return this.socket?.readyState === WebSocket.OPEN && this.unanswered.size < MAX_UNANSWERED;
  }

  /** Send a frame, captured now; return its id. Ask `hasRoom` before taking the picture. */
  send(frame: FrameFields): number {
    const frame_id = this.nextId++;
    const captured_at_us = Math.round((performance.timeOrigin + performance.now()) * 1000);
    if (this.unanswered.size === 0) this.heardAtMs = performance.now();
    this.unanswered.add(frame_id);
    this.transmit({ type: "frame", frame_id, captured_at_us, ...frame });
    return frame_id;
  }

  setOptions(options: Omit<OptionsMessage, "type">): void {
    this.options = { type: "options", ...options };
    if (this.socket?.readyState === WebSocket.OPEN) this.transmit(this.options);
  }

  close(): void {
    this.closed = true;
    clearTimeout(this.retry);
    this.socket?.close(1000);
    this.events.onState("closed", "");
  }

  private connect(): void {
    this.events.onState("connecting", "");
    this.unanswered.clear();
    const socket = new WebSocket(this.url, subprotocols(this.keys.current));
    socket.binaryType = "arraybuffer";
    socket.onopen = () => {
      this.transmit(this.options);
      this.events.onState("open", "");
    };
    socket.onmessage = ({ data }) => this.receive(replyOf(data as ArrayBuffer));
    socket.onclose = ({ reason }) => this.reconnect(socket, reason);
    this.socket = socket;
  }

  private receive(reply: ReplyMessage): void {
    this.failures = 0;
    this.heardAtMs = performance.now();
    for (const id of this.unanswered) if (id <= reply.frame_id) this.unanswered.delete(id);
    if (reply.type === "hand") this.events.onHand(reply);
    else this.events.onProblem(reply);
  }

  private reconnect(socket: WebSocket, reason: string): void {
    if (this.closed || socket !== this.socket) return;
    this.socket = null;
    this.events.onState("waiting", reason);
    const wait = Math.min(LONGEST_RETRY_MS, FIRST_RETRY_MS * 2 ** this.failures++);
    this.retry = setTimeout(() => this.connect(), wait * (0.5 + Math.random()));
  }

  /** A connection that died without a word looks like a slow one: every frame is answered or replaced. */
  private breakSilence(): void {
    const socket = this.socket;
    if (!socket || this.unanswered.size === 0 || performance.now() - this.heardAtMs < SILENCE_MS) return;
    socket.close();
    this.reconnect(socket, "the server fell silent");
  }

  private transmit(message: FrameMessage | OptionsMessage): void {
    this.socket?.send(encode(message));
  }
}
