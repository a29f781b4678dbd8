/**
 * Where a transcript is parted into cues, and a cue into lines: as the service does it, whose
 * transcriber/subtitles.py says why. A test holds one against the other.
 */

/** @typedef {import("../client/types.js").Segment} Segment */
/** @typedef {{text: string, start: number, end: number}} Word with the blank before it */
/** @typedef {{start: number, end: number, lines: string[]}} Cue */

const LINE_CHARS = 42;
const LEAST_S = 1.0;
const MOST_S = 7.0;
const SILENCE_S = 2.0;
const PAUSE_S = 0.3;
const CLAUSE_ENDS = ",;:،؛、，；：—–";
const SENTENCE_ENDS = ".?!؟۔。！？।";
const ANYWHERE = 12;
const CLAUSE = 4;
const SENTENCE = 0;
const CUE = 3;
const HASTY = 40;
const RIGHT_TO_LEFT_MARK = "\u200f";
const RIGHT_TO_LEFT =
  /[\p{Script=Arabic}\p{Script=Hebrew}\p{Script=Syriac}\p{Script=Thaana}\p{Script=Nko}\p{Script=Adlam}]/u;

/**
 * @param {Segment[]} segments
 * @returns {Cue[]} in order of time, none beginning before the last has ended
 */
export function cues(segments) {
  const found = runs(segments).flatMap(parted);
  return found.map(({ words, lines }, index) => {
    const start = at(words, 0).start;
    const end = Math.min(Math.max(at(words, -1).end, start + LEAST_S), start + MOST_S);
    const next = found[index + 1]?.words[0]?.start ?? Number.POSITIVE_INFINITY;
    return { start, end: Math.min(end, next), lines: marked(lines.map(textOf)) };
  });
}

/** @param {string[]} lines */
function marked(lines) {
  const letter = /\p{L}/u.exec(lines.join(" "));
  if (!letter || !RIGHT_TO_LEFT.test(letter[0])) return lines;
  return lines.map((text) => `${RIGHT_TO_LEFT_MARK}${text}${RIGHT_TO_LEFT_MARK}`);
}

/**
 * @param {Segment[]} segments
 * @returns {Word[][]} the words between gaps and long silences
 */
function runs(segments) {
  /** @type {Word[][]} */
  const found = [];
  /** @type {Word[]} */
  let run = [];
  const close = () => {
    if (run.length) found.push(run);
    run = [];
  };
  for (const segment of segments) {
    for (const word of pieces(segment)) {
      const last = run.at(-1);
      if (last && (segment.gap || word.start - last.end >= SILENCE_S)) close();
      // Alignment may put a word before the end of the one before it.
      const start = Math.max(word.start, run.at(-1)?.end ?? 0);
      run.push({ ...word, start, end: Math.max(word.end, start) });
    }
    if (segment.gap) close();
  }
  close();
  return found;
}

/**
 * @param {Segment} segment
 * @returns {Word[]} its words, none longer than a line; without times of their own by length
 */
function pieces(segment) {
  return spaced(segment).flatMap((word) => {
    const parts = word.text
      .split(/\s+/u)
      .filter(Boolean)
      .flatMap((text, n) => chopped(text, n > 0 || /^\s/u.test(word.text)));
    const letters = parts.reduce((sum, part) => sum + lengthOf(part), 0);
    let end = word.start;
    return parts.map((text) => {
      const start = end;
      end = start + ((word.end - word.start) * lengthOf(text)) / letters;
      return { text, start, end };
    });
  });
}

/**
 * @param {Segment} segment
 * @returns {Word[]} its words with the blanks that its text has before them
 */
function spaced(segment) {
  if (!segment.words?.length) {
    return [{ text: segment.text, start: segment.start, end: segment.end }];
  }
  let behind = 0;
  return segment.words.map(({ word, start, end }) => {
    const found = segment.text.indexOf(word, behind);
    const blank = found < 0 || /\s/u.test(segment.text.charAt(found - 1));
    behind = found < 0 ? behind : found + word.length;
    return { text: `${blank ? " " : ""}${word}`, start, end };
  });
}

/**
 * @param {string} text a word
 * @param {boolean} blank whether there is one before it
 */
function chopped(text, blank) {
  const letters = [...text];
  const parts = [];
  for (let from = 0; from < letters.length; from += LINE_CHARS) {
    parts.push((from === 0 && blank ? " " : "") + letters.slice(from, from + LINE_CHARS).join(""));
  }
  return parts;
}

/**
 * Part words into cues at the least cost.
 *
 * @param {Word[]} words
 */
function parted(words) {
  const line = reach(words);
  const both = line.map((end) => (end < words.length ? at(line, end) : end));
  const best = [{ cost: 0, start: 0 }];
  for (let end = 1; end <= words.length; end += 1) {
    let option = { cost: Number.POSITIVE_INFINITY, start: 0 };
    for (let start = end - 1; start >= 0; start -= 1) {
      const tooLong =
        end > at(both, start) || at(words, end - 1).end - at(words, start).start > MOST_S;
      if (tooLong && start < end - 1) break;
      const total = at(best, start).cost + costOf(words, start, end);
      if (total <= option.cost) option = { cost: total, start };
    }
    best.push(option);
  }
  const found = [];
  for (let end = words.length; end > 0; end = at(best, end).start) {
    const inside = words.slice(at(best, end).start, end);
    found.unshift({ words: inside, lines: linesOf(inside) });
  }
  return found;
}

/**
 * @param {Word[]} words
 * @returns {number[]} for each word the place behind the last one that fits into a line with it
 */
function reach(words) {
  let end = 0;
  let chars = 0;
  return words.map((word) => {
    const blank = lengthOf(word.text) - lengthOf(word.text.trimStart());
    while (end < words.length && chars + lengthOf(at(words, end).text) - blank <= LINE_CHARS) {
      chars += lengthOf(at(words, end).text);
      end += 1;
    }
    chars -= lengthOf(word.text);
    return end;
  });
}

/**
 * @param {Word[]} words
 * @param {number} start
 * @param {number} end
 */
function costOf(words, start, end) {
  if (end === words.length) return CUE;
  const hasty = at(words, end).start - at(words, start).start < LEAST_S;
  return CUE + border(at(words, end - 1), at(words, end)) + (hasty ? HASTY : 0);
}

/**
 * @param {Word} word
 * @param {Word} following
 */
function border(word, following) {
  const bare = word.text.replace(/["'”») ]+$/u, "");
  if (SENTENCE_ENDS.includes(bare.at(-1) ?? " ") && !bare.endsWith("...")) return SENTENCE;
  const pauses = following.start - word.end >= PAUSE_S;
  return pauses || CLAUSE_ENDS.includes(word.text.at(-1) ?? " ") ? CLAUSE : ANYWHERE;
}

/**
 * @param {Word[]} words
 * @returns {Word[][]} in one line or two, of which the upper ends a clause, or both are alike
 */
function linesOf(words) {
  if (lengthOf(textOf(words)) <= LINE_CHARS) return [words];
  let best = { cost: Number.POSITIVE_INFINITY, count: 0 };
  for (let count = 1; count < words.length; count += 1) {
    const upper = lengthOf(textOf(words.slice(0, count)));
    const lower = lengthOf(textOf(words.slice(count)));
    if (Math.max(upper, lower) <= LINE_CHARS) {
      const cost = border(at(words, count - 1), at(words, count)) + Math.abs(upper - lower) / 4;
      if (cost < best.cost) best = { cost, count };
    }
  }
  return [words.slice(0, best.count), words.slice(best.count)];
}

/** @param {Word[]} words */
function textOf(words) {
  return words
    .map((word) => word.text)
    .join("")
    .trim();
}

/**
 * @template T
 * @param {T[]} list that has it
 * @param {number} index
 * @returns {T}
 */
function at(list, index) {
  return /** @type {T} */ (list.at(index));
}

/** @param {string} text */
function lengthOf(text) {
  return [...text].length;
}
