package io.github.lcm4j.tokenizer;

import java.util.ArrayList;
import java.util.Comparator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.function.Consumer;
import java.util.function.IntConsumer;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/** Finds added tokens in text, the longest where several start at the same place. */
final class AddedTokens {
  private static final Pattern WORD_CHARACTER =
      Pattern.compile("\\w", Pattern.UNICODE_CHARACTER_CLASS);

  private static final Comparator<Entry> LONGEST_FIRST =
      Comparator.comparingInt((Entry entry) -> entry.content().length()).reversed();

  private record Entry(String content, AddedToken token, int[] ids) {}

  private final Map<String, Integer> ids;
  private final List<Entry> asWritten;
  private final List<Entry> normalized;

  private AddedTokens(Map<String, Integer> ids, List<Entry> asWritten, List<Entry> normalized) {
    this.ids = ids;
    this.asWritten = asWritten;
    this.normalized = normalized;
  }

  /** Tokens with their ids: those of the vocabulary, or new ones above it, in order. */
  static AddedTokens of(Iterable<AddedToken> tokens, Map<String, Integer> vocabulary) {
    Map<String, Integer> ids = new LinkedHashMap<>();
    List<Entry> asWritten = new ArrayList<>();
    List<Entry> normalized = new ArrayList<>();
    int next = vocabulary.size();
    for (AddedToken token : tokens) {
      Integer known = vocabulary.get(token.content());
      int id = known == null ? next++ : known;
      ids.put(token.content(), id);
      if (token.normalized()) {
        normalized.add(new Entry(PromptSplitter.normalize(token.content()), token, new int[] {id}));
      } else {
        asWritten.add(new Entry(token.content(), token, new int[] {id}));
      }
    }
    asWritten.sort(LONGEST_FIRST);
    normalized.sort(LONGEST_FIRST);
    return new AddedTokens(ids, asWritten, normalized);
  }

  /** These and further tokens that are looked for in normalised text, each for several ids. */
  AddedTokens and(Map<String, int[]> further) {
    List<Entry> all = new ArrayList<>(normalized);
    further.forEach(
        (content, its) -> {
          AddedToken token = new AddedToken(content, false, false, false, true);
          all.add(new Entry(PromptSplitter.normalize(content), token, its.clone()));
        });
    all.sort(LONGEST_FIRST);
    return new AddedTokens(ids, asWritten, all);
  }

  /** Whether there is a token of that text. */
  boolean contains(String content) {
    return ids.containsKey(content);
  }

  /** The id of an added token. */
  int id(String content) {
    return ids.get(content);
  }

  /**
   * Takes text apart.
   *
   * @param text the prompt as written
   * @param token receives the id of each added token
   * @param rest receives the normalised text between them
   */
  void split(String text, IntConsumer token, Consumer<String> rest) {
    split(
        asWritten,
        text,
        token,
        raw -> split(normalized, PromptSplitter.normalize(raw), token, rest));
  }

  private static void split(
      List<Entry> entries, String text, IntConsumer token, Consumer<String> rest) {
    int done = 0;
    for (int i = 0; i < text.length(); ) {
      Entry entry = entryAt(entries, text, i);
      if (entry == null) {
        i++;
        continue;
      }
      int start = i;
      int end = i + entry.content().length();
      i = end;
      if (entry.token().singleWord() && touchesWord(text, start, end)) {
        continue;
      }
      while (entry.token().lstrip()
          && start > done
          && PromptSplitter.isWhiteSpace(text.charAt(start - 1))) {
        start--;
      }
      while (entry.token().rstrip()
          && end < text.length()
          && PromptSplitter.isWhiteSpace(text.charAt(end))) {
        end++;
      }
      if (start > done) {
        rest.accept(text.substring(done, start));
      }
      for (int id : entry.ids()) {
        token.accept(id);
      }
      done = end;
      i = end;
    }
    if (done < text.length()) {
      rest.accept(text.substring(done));
    }
  }

  private static @Nullable Entry entryAt(List<Entry> entries, String text, int position) {
    for (Entry entry : entries) {
      if (text.startsWith(entry.content(), position)) {
        return entry;
      }
    }
    return null;
  }

  private static boolean touchesWord(String text, int start, int end) {
    return start > 0 && isWordCharacter(text.codePointBefore(start))
        || end < text.length() && isWordCharacter(text.codePointAt(end));
  }

  private static boolean isWordCharacter(int codePoint) {
    return WORD_CHARACTER.matcher(Character.toString(codePoint)).matches();
  }
}
