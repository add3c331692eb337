package io.github.lcm4j;

/**
 * A switch by which another thread ends a generation or the writing of a checkpoint. A generation
 * stops within one step, writing within one tensor or a few megabytes, with a {@link
 * java.util.concurrent.CancellationException}. Interrupting the thread at work has the same effect.
 */
public final class Cancellation {
  private volatile boolean cancelled;

  /** A switch that is off. */
  public Cancellation() {}

  /** Ends everything that was given this switch. */
  public void cancel() {
    cancelled = true;
  }

  /** Whether {@link #cancel()} was called. */
  public boolean isCancelled() {
    return cancelled;
  }
}
