/**
 * Changes of a source, as they come.
 * @module
 */
/** The values of an iterable as mere signals. Those that come while nobody waits are one. */
export class Changes {
  readonly #iterator: AsyncIterator<unknown> | undefined;
  #come = false;
  #failure: { readonly error: unknown } | undefined;
  /** Called when a change comes. */
  #tell: () => void = () => undefined;

  constructor(changes: AsyncIterable<unknown> | undefined) {
    this.#iterator = changes?.[Symbol.asyncIterator]();
    void this.#read();
  }

  /** Calls back once a change has come, at once if it has; until then it is there for {@link Changes.take}. */
  whenCome(tell: () => void): () => void {
    this.#tell = tell;
    if (this.#come || this.#failure !== undefined) tell();
    return () => {
      this.#tell = () => undefined;
    };
  }

  /** Whether a change has come since this was asked last. @throws what the iterable throws. */
  take(): boolean {
    if (this.#failure !== undefined) throw this.#failure.error;
    const come = this.#come;
    this.#come = false;
    return come;
  }

  /** Says that no more is wanted; does not wait until the iterable has heard. */
  close(): void {
    this.#iterator?.return?.().catch(() => undefined);
  }

  async #read(): Promise<void> {
    try {
      while ((await this.#iterator?.next())?.done === false) {
        this.#come = true;
        this.#tell();
      }
    } catch (error) {
      this.#failure = { error };
      this.#tell();
    }
  }
}
