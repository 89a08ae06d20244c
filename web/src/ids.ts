// Ids that follow from what an expression is made of: taking the same thing twice, in two tabs or by two people, makes one
// expression, and the server finds the second taking as a conflict instead of keeping both.

import { api } from "./api";
import type { Sheet } from "./sheet";
import type { Row } from "./shelf";
import type { Clip } from "./types";

const LOG_PAGE = 1000;

/** An id that follows from its parts: whoever makes an expression of the same thing, in whatever tab, makes the same one,
 *  and the server finds the second making as a conflict instead of keeping two. FNV-1a of 128 bits (crypto.subtle answers
 *  later, and only in secure contexts), marked as version 8: a UUID by a rule of one's own. */
export function idFrom(...parts: readonly string[]): string {
  let digest = 0x6c62272e07bb014262b821756295c58dn;
  for (const byte of new TextEncoder().encode(JSON.stringify(parts))) digest = BigInt.asUintN(128, (digest ^ BigInt(byte)) * 0x1000000000000000000013bn);
  const hex = digest.toString(16).padStart(32, "0");
  const variant = ((parseInt(hex[16]!, 16) & 0x3) | 0x8).toString(16);
  return [hex.slice(0, 8), hex.slice(8, 12), `8${hex.slice(13, 16)}`, variant + hex.slice(17, 20), hex.slice(20)].join("-");
}

/** The versions of expressions that were deleted from this sheet: one that is made again goes on top of its last version.
 *  The clip does not tell them, its log does. Without it the server says the version, and asks which one stands. */
export async function deletedOn(clip: Clip): Promise<Map<string, number>> {
  const gone = new Map<string, number>();
  for (let after: number | undefined = clip.sheet.may_edit ? 0 : undefined; after !== undefined; ) {
    const rows = await api.log(after, clip.id).catch(() => []);
    for (const { sheet, expression, version, after: body } of rows) {
      if (sheet !== clip.sheet.coder || expression === null || version === null) continue;
      if (body === null) gone.set(expression, version);
      else gone.delete(expression);
    }
    after = rows.length < LOG_PAGE ? undefined : rows.at(-1)!.seq;
  }
  return gone;
}

/** Lets a sheet know what was deleted before, but for what it shows and for what changes under way say anew. */
export function recall(sheet: Sheet, gone: ReadonlyMap<string, number>, ids: readonly string[], waiting: readonly Row[]): void {
  for (const id of ids) {
    const version = gone.get(id);
    const known = sheet.get(id) !== undefined || waiting.some(({ edit }) => edit.expression === id);
    if (version !== undefined && !known) sheet.replace(id, { version, body: null });
  }
}
