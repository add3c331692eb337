package io.github.lcm4j.tokenizer;

import java.text.Normalizer;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** What happens to text before byte pair encoding: cleaning, and cutting into words. */
final class PromptSplitter {
  /**
   * Contractions, runs of letters, single digits, runs of anything else but white space. The two
   * special tokens come first: where they are not matched as such, they are cut off from the
   * punctuation around them, and then into the three words that the groups hold.
   */
  private static final Pattern WORD =
      Pattern.compile(
          "(<\\|)(startoftext|endoftext)(\\|>)"
              + "|'(?:s|t|re|ve|m|ll|d)|\\p{L}+|\\p{N}|[^\\p{IsWhite_Space}\\p{L}\\p{N}]+");

  private PromptSplitter() {}

  /** Encodes the words of normalised text one after the other. */
  static void split(String normalized, BytePairEncoding encoding, IdList ids) {
    Matcher matcher = WORD.matcher(normalized);
    while (matcher.find()) {
      if (matcher.start(1) < 0) {
        encoding.encode(matcher.group(), ids);
      } else {
        encoding.encode(matcher.group(1), ids);
        encoding.encode(matcher.group(2), ids);
        encoding.encode(matcher.group(3), ids);
      }
    }
  }

  /** Composed characters (NFC), one space for each run of white space, lower case. */
  static String normalize(String text) {
    String composed = Normalizer.normalize(text, Normalizer.Form.NFC);
    StringBuilder clean = new StringBuilder(composed.length());
    boolean afterSpace = false;
    for (int i = 0; i < composed.length(); ) {
      int codePoint = composed.codePointAt(i);
      i += Character.charCount(codePoint);
      boolean space = isWhiteSpace(codePoint);
      if (!space) {
        appendLowerCase(clean, codePoint);
      } else if (!afterSpace) {
        clean.append(' ');
      }
      afterSpace = space;
    }
    return clean.toString();
  }

  /** Character by character: unlike String.toLowerCase, a final sigma is like any other. */
  private static void appendLowerCase(StringBuilder clean, int codePoint) {
    if (codePoint == 0x130) { // I with a dot, the only one whose lower case is two characters
      clean.append("i\u0307");
    } else {
      clean.appendCodePoint(Character.toLowerCase(codePoint));
    }
  }

  /** Unicode's White_Space property, which is neither of Java's two notions of a space. */
  static boolean isWhiteSpace(int codePoint) {
    return codePoint >= '\t' && codePoint <= '\r'
        || codePoint == ' '
        || codePoint == 0x85
        || codePoint == 0xa0
        || codePoint == 0x1680
        || codePoint >= 0x2000 && codePoint <= 0x200a
        || codePoint == 0x2028
        || codePoint == 0x2029
        || codePoint == 0x202f
        || codePoint == 0x205f
        || codePoint == 0x3000;
  }
}
