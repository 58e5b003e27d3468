/** Where a word ends without a space, and where one without end may be cut. */

/** Scripts that put no spaces between words. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}\u3000-\u303f\uff00-\uffef]/u;
/** What must not begin a line there: what joins the letter before, and closing punctuation. */
const JOINED = /\p{M}|\p{Pe}|\p{Pf}|\p{Po}|\p{Lm}|\p{Default_Ignorable_Code_Point}/u;
/** What must not end a line there, or may belong to something that must not be cut. */
const OPENING = /[\p{Ps}\p{Pi}\p{Default_Ignorable_Code_Point}*_~`@<&!#\\]/u;

/** Whether a word ends between two characters of which neither is a space. */
export function wordEndsBetween(before: string | undefined, char: string): boolean {
  if (before === undefined || !(UNSPACED.test(char) || UNSPACED.test(before)) || JOINED.test(char))
    return false;
  return /[\p{L}\p{N}\p{P}]/u.test(before) && !OPENING.test(before);
}

/** Characters at the end of an endless word that are kept back, lest a cut goes through something. */
const LOOKBACK = 64;

const graphemes = new Intl.Segmenter(undefined, { granularity: 'grapheme' });

/** Where a word without end may be cut: at a grapheme's border, not through an entity, a mention or ticks. */
export function cutPoint(word: string): number {
  const latest = word.length - LOOKBACK;
  const sign = /[<@&\\`][^<@&\\`]*$/.exec(word)?.index ?? -1;
  const wanted = sign > latest - LOOKBACK && sign > 0 ? Math.min(sign, latest) : latest;
  // A grapheme is rarely longer than this; the segmenter is told only the neighbourhood.
  const from = Math.max(0, wanted - LOOKBACK);
  let border = 0;
  for (const { index } of graphemes.segment(word.slice(from))) {
    if (from + index > wanted) break;
    if (index > 0) border = from + index;
  }
  if (border > 0) return border;
  return /[\ud800-\udbff]/.test(word[wanted - 1]!) ? wanted - 1 : wanted;
}
