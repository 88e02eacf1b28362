import type { KeySource } from "../client/index.ts";
import { page } from "./page.ts";

const NAME = "simahand-key";

/** The user's API key: asked for when the server wants one, kept for this tab and as long as it is open. */
export class TypedKey implements KeySource {
  private key = storage()?.getItem(NAME) ?? null;
  private asking: Promise<boolean> | null = null;

  get current(): string | null {
    return this.key;
  }

  renew(reason: string): Promise<boolean> {
    this.asking ??= this.ask(reason).finally(() => {
      this.asking = null;
    });
    return this.asking;
  }

  private async ask(reason: string): Promise<boolean> {
    page.keyReason.textContent = this.key === null ? "" : reason;
    page.keyInput.value = "";
    const given = await new Promise<string>((resolve) => {
      page.keyForm.onsubmit = (event) => {
        event.preventDefault();
        resolve(page.keyInput.value.trim());
      };
      page.keyCancel.onclick = () => resolve("");
      page.keyDialog.oncancel = () => resolve("");
      page.keyDialog.showModal();
    });
    page.keyDialog.close();
    page.keyInput.value = "";
    if (!given) return false;
    this.key = given;
    storage()?.setItem(NAME, given);
    return true;
  }
}

/** Null where the browser forbids it: the key then lives as long as the page. */
function storage(): Storage | null {
  try {
    return sessionStorage;
  } catch {
    return null;
  }
}
