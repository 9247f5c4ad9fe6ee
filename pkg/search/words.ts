/** Splits text into the words that are indexed and searched, the same way for both. */

/** Counts up with every change of how words are split, so that indexes of before are made anew. */
export const ANALYZER = 1;

/** Letters that do not fall apart into a base letter and a mark. */
const FOLDED: Readonly<Record<string, string>> = {
  ß: "ss",
  ø: "o",
  ł: "l",
  đ: "d",
  ð: "d",
  þ: "th",
  æ: "ae",
  œ: "oe",
  ı: "i",
};
/** Scripts that put no space between words; the runtime's dictionaries know where one ends. */
const UNSPACED =
  /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}]/u;
const MAX_WORD_CHARACTERS = 60;

/** Words without case, accents and apostrophes: `L’Été 42!` is `lete`, `42`. */
export function wordsOf(text: string): string[] {
  const folded = text
    .normalize("NFKD")
    .replace(/\p{M}|['’ʼ]/gu, "")
    .toLowerCase()
    .replace(/[ßøłđðþæœı]/g, (letter) => FOLDED[letter] ?? letter)
    .normalize("NFC");
  const words: string[] = [];
  for (const run of folded.split(/[^\p{L}\p{N}]+/u)) {
    if (run === "") continue;
    if (!UNSPACED.test(run)) words.push(run.slice(0, MAX_WORD_CHARACTERS));
    else
      for (const part of segmenter().segment(run))
        if (part.isWordLike) words.push(part.segment.slice(0, MAX_WORD_CHARACTERS));
  }
  return words;
}

/** What `spider-man` may also be searched as: `spiderman`. */
export function joinedWordsOf(text: string): string[] {
  const hyphenated = text.match(/[\p{L}\p{N}\p{M}]+(?:[-‐‑][\p{L}\p{N}\p{M}]+)+/gu) ?? [];
  return hyphenated.flatMap((word) => wordsOf(word.replace(/[-‐‑]/g, "")));
}

let cached: Intl.Segmenter | undefined;

function segmenter(): Intl.Segmenter {
  cached ??= new Intl.Segmenter("und", { granularity: "word" });
  return cached;
}
