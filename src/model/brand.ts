/**
 * The brand of checked values.
 *
 * A checked value is a frozen instance of a class with a private field: nobody but that class can make one, and neither a spread
 * nor JSON nor structuredClone copies the mark (whoever changes a value, changes a copy, which is checked again). It looks like a
 * plain object to JSON, `console.log` and tests of equality. Made so, a value takes 0.1 microseconds; private fields on plain
 * objects, or a WeakSet, take ten times as long (Node 20).
 * @module
 */

/** The fields of a value that is being made; its type says them, its class only the brand. */
export type Unfinished = { [field: string]: unknown };

/** Leaves no way from an instance to the class: `new value.constructor(...)` would make unchecked ones. */
export function hideConstructor(made: { readonly prototype: object }): void {
  Object.defineProperty(made.prototype, 'constructor', { value: Object });
}
