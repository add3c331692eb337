package io.github.lcm4j;

import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Deque;
import java.util.List;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/** Reads the weights and breaks of a prompt, as {@link PromptOptions} describes them. */
final class PromptParser {
  private static final double BRACKET = 1.1;
  private static final Pattern WEIGHT =
      Pattern.compile(":\\s*([+-]?(?:\\d+\\.?\\d*|\\.\\d+))\\s*\\)");
  private static final Pattern BREAK =
      Pattern.compile("\\s*\\bBREAK\\b\\s*", Pattern.UNICODE_CHARACTER_CLASS);

  /**
   * A piece of a prompt.
   *
   * @param weight how much it counts
   * @param startsChunk whether a BREAK comes before it
   */
  record Segment(String text, double weight, boolean startsChunk) {}

  private final String prompt;
  private final List<StringBuilder> texts = new ArrayList<>();
  private final List<Double> weights = new ArrayList<>();
  private final Deque<Integer> round = new ArrayDeque<>();
  private final Deque<Integer> square = new ArrayDeque<>();
  private boolean pieceEnded = true;

  private PromptParser(String prompt) {
    this.prompt = prompt;
  }

  static List<Segment> parse(String prompt, PromptOptions options) {
    List<Segment> pieces =
        options.weighting()
            ? new PromptParser(prompt).weightedPieces()
            : List.of(new Segment(prompt, 1, false));
    return options.longPrompts() ? atBreaks(pieces) : pieces;
  }

  private List<Segment> weightedPieces() {
    Matcher weight = WEIGHT.matcher(prompt);
    for (int i = 0; i < prompt.length(); i++) {
      char c = prompt.charAt(i);
      if (c == '\\') {
        if (i + 1 < prompt.length() && "()[]\\".indexOf(prompt.charAt(i + 1)) >= 0) {
          append(prompt.charAt(++i));
        }
      } else if (c == '(' || c == '[') {
        (c == '(' ? round : square).push(texts.size());
        pieceEnded = true;
      } else if (c == ':' && !round.isEmpty() && weight.region(i, prompt.length()).lookingAt()) {
        multiplyFrom(round.pop(), Double.parseDouble(weight.group(1)));
        i = weight.end() - 1;
      } else if (c == ')' && !round.isEmpty()) {
        multiplyFrom(round.pop(), BRACKET);
      } else if (c == ']' && !square.isEmpty()) {
        multiplyFrom(square.pop(), 1 / BRACKET);
      } else {
        append(c);
      }
    }
    round.forEach(start -> multiplyFrom(start, BRACKET));
    square.forEach(start -> multiplyFrom(start, 1 / BRACKET));
    return merged();
  }

  private void append(char c) {
    if (pieceEnded) {
      texts.add(new StringBuilder());
      weights.add(1.0);
      pieceEnded = false;
    }
    texts.get(texts.size() - 1).append(c);
  }

  private void multiplyFrom(int start, double factor) {
    for (int i = start; i < weights.size(); i++) {
      weights.set(i, weights.get(i) * factor);
    }
    pieceEnded = true;
  }

  /** Neighbours of one weight are one piece: brackets alone do not cut a word in two. */
  private List<Segment> merged() {
    List<Segment> segments = new ArrayList<>();
    for (int i = 0; i < texts.size(); i++) {
      StringBuilder text = new StringBuilder(texts.get(i));
      double weight = weights.get(i);
      while (i + 1 < texts.size() && weights.get(i + 1) == weight) {
        text.append(texts.get(++i));
      }
      segments.add(new Segment(text.toString(), weight, false));
    }
    return segments;
  }

  private static List<Segment> atBreaks(List<Segment> pieces) {
    List<Segment> segments = new ArrayList<>();
    for (Segment piece : pieces) {
      boolean first = true;
      for (String part : BREAK.split(piece.text(), -1)) {
        segments.add(new Segment(part, piece.weight(), !first));
        first = false;
      }
    }
    return segments;
  }
}
