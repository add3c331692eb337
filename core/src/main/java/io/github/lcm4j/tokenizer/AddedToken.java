package io.github.lcm4j.tokenizer;

/**
 * A token that is found in the text itself instead of being made by byte pair encoding.
 *
 * @param content its text
 * @param singleWord whether it counts only where no word character touches it
 * @param lstrip whether white space before it belongs to it
 * @param rstrip whether white space after it belongs to it
 * @param normalized whether it is looked for in the cleaned, lower-cased text rather than in the
 *     text as written
 */
record AddedToken(
    String content, boolean singleWord, boolean lstrip, boolean rstrip, boolean normalized) {

  /** A special token given by its text alone. */
  static AddedToken special(String content) {
    return new AddedToken(content, false, false, false, false);
  }
}
