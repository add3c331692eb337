package io.github.lcm4j;

/**
 * A switch by which another thread ends a generation. The generation stops within one step, with a
 * {@link java.util.concurrent.CancellationException}. Interrupting the generating thread has the
 * same effect.
 */
public final class Cancellation {
  private volatile boolean cancelled;

  /** A switch that is off. */
  public Cancellation() {}

  /** Ends every generation that was given this switch. */
  public void cancel() {
    cancelled = true;
  }

  /** Whether {@link #cancel()} was called. */
  public boolean isCancelled() {
    return cancelled;
  }
}
