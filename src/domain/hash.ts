/**
 * Short names for long texts.
 *
 * @module
 */

/**
 * 64 bits of a text in hexadecimal digits, for names: not cryptographic, which in hooks would be
 * asynchronous. What shares a name by chance or by intent has to be told apart by what is inside. Names
 * in stores are made of it, so it is never to be changed.
 */
export function shortHash(text: string): string {
  let [high, low] = [0xdeadbeef, 0x41c6ce57];
  for (let i = 0; i < text.length; i++) {
    const unit = text.charCodeAt(i);
    high = Math.imul(high ^ unit, 2654435761);
    low = Math.imul(low ^ unit, 1597334677);
  }
  return [high, low].map((half) => (half >>> 0).toString(16).padStart(8, "0")).join("");
}
