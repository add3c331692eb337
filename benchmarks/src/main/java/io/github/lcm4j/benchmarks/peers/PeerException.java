package io.github.lcm4j.benchmarks.peers;

import java.io.IOException;

/** A peer that could not be measured. */
final class PeerException extends IOException {
  private static final long serialVersionUID = 1L;

  private final boolean missing;

  /**
   * A fault.
   *
   * @param missing whether it is not there, rather than failed
   */
  PeerException(boolean missing, String message) {
    super(message);
    this.missing = missing;
  }

  boolean isMissing() {
    return missing;
  }
}
