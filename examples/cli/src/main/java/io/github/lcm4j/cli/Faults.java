package io.github.lcm4j.cli;

import java.nio.file.AccessDeniedException;
import java.nio.file.FileSystemException;
import java.nio.file.NoSuchFileException;
import java.util.List;
import java.util.concurrent.CancellationException;
import java.util.stream.Collectors;
import org.jspecify.annotations.Nullable;
import picocli.CommandLine.UnmatchedArgumentException;

/** Puts what went wrong into one line for a person. */
final class Faults {
  private Faults() {}

  static String describe(Throwable fault) {
    return message(fault).strip().replaceAll("\\s*\\R\\s*", " ");
  }

  private static String message(Throwable fault) {
    if (fault instanceof UnmatchedArgumentException unmatched) {
      return unmatched(unmatched.getUnmatched());
    }
    if (fault instanceof NoSuchFileException missing) {
      return missing.getFile() + " does not exist";
    }
    if (fault instanceof AccessDeniedException denied) {
      return "no permission for " + denied.getFile();
    }
    if (fault instanceof FileSystemException file && file.getReason() == null) {
      return "cannot use %s (%s)".formatted(file.getFile(), name(file));
    }
    if (fault instanceof OutOfMemoryError) {
      return "not enough memory (%s); a smaller --width and --height or --count needs less, or give"
              .formatted(fault.getMessage())
          + " more with LCM4J_JAVA_OPTS, for instance -Xmx8g -XX:MaxDirectMemorySize=16g";
    }
    if (fault instanceof LinkageError) {
      return "a library does not load on this machine: " + rootMessage(fault);
    }
    if (fault instanceof CancellationException) {
      return "cancelled";
    }
    return ownMessage(fault);
  }

  private static String unmatched(List<String> arguments) {
    String list = arguments.stream().map(a -> "'" + a + "'").collect(Collectors.joining(", "));
    return arguments.stream().allMatch(a -> a.startsWith("-"))
        ? "unknown option " + list
        : "unexpected argument %s; a prompt of several words needs quotes".formatted(list);
  }

  /** The deepest cause says which library; what wraps it often says nothing. */
  private static String rootMessage(Throwable fault) {
    Throwable root = fault;
    while (root.getCause() != null) {
      root = root.getCause();
    }
    return ownMessage(root);
  }

  private static String ownMessage(Throwable fault) {
    @Nullable String message = fault.getMessage();
    return message == null || message.isBlank() ? name(fault) : message;
  }

  private static String name(Throwable fault) {
    return fault.getClass().getSimpleName();
  }
}
