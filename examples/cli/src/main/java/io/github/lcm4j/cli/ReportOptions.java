package io.github.lcm4j.cli;

import picocli.CommandLine.Option;

/** How much is said. */
final class ReportOptions {
  /** Set by the start script where standard error is a terminal. */
  static final String TERMINAL_PROPERTY = "lcm4j.terminal";

  @Option(
      names = {"-h", "--help"},
      usageHelp = true,
      description = "Show this text.")
  private boolean help;

  @Option(
      names = "--verbose",
      description = "Say more: LoRA reports, and the stack trace of a failure.")
  private boolean verbose;

  @Option(
      names = {"--quiet", "--no-progress"},
      description = "No progress bar; there is none anyway where standard error is no terminal.")
  private boolean quiet;

  ReportOptions() {}

  boolean verbose() {
    return verbose;
  }

  Progress progress(long steps) {
    return quiet || !Boolean.getBoolean(TERMINAL_PROPERTY)
        ? Progress.NONE
        : Progress.bar(System.err, steps);
  }
}
