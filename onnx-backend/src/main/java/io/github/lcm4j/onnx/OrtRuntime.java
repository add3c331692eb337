package io.github.lcm4j.onnx;

import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtLoggingLevel;
import ai.onnxruntime.OrtSession.SessionOptions;
import io.github.lcm4j.ExecutionProvider;

/**
 * How sessions are created: one execution provider and a number of threads for all of them.
 *
 * @param environment ONNX Runtime's environment, one a process
 * @param provider where to compute
 * @param threads threads a session may use; 0 for as many as there are cores
 */
record OrtRuntime(OrtEnvironment environment, ExecutionProvider provider, int threads) {

  /**
   * A runtime on a provider.
   *
   * @throws UnsupportedOperationException if the provider is not available; the message says what
   *     is missing
   */
  static OrtRuntime of(ExecutionProvider provider, int threads) {
    OrtRuntime runtime = new OrtRuntime(OrtEnvironment.getEnvironment(), provider, threads);
    runtime.sessionOptions().close(); // a missing provider shows now, not after the weights
    return runtime;
  }

  boolean onCpu() {
    return provider.name().equals(ExecutionProvider.CPU.name());
  }

  /** New options, owned by the caller. */
  SessionOptions sessionOptions() {
    SessionOptions options = new SessionOptions();
    try {
      // What goes wrong is thrown; a caller's standard error is not ours to write to.
      options.setSessionLogLevel(OrtLoggingLevel.ORT_LOGGING_LEVEL_FATAL);
      // The next level moves convolutions to a blocked layout; measured, it does not pay here, and
      // it copies every weight.
      options.setOptimizationLevel(SessionOptions.OptLevel.EXTENDED_OPT);
      // Pre-packed weights are second copies; without them the mapped file is all there is.
      options.addConfigEntry("session.disable_prepacking", "1");
      // Threads that wait for more work after a run would take the cores from the next network's.
      options.addConfigEntry("session.force_spinning_stop", "1");
      // A plan is a second arena beside the first run's, and a copy for every size of picture.
      options.setMemoryPatternOptimization(false);
      if (threads > 0) {
        options.setIntraOpNumThreads(threads);
      }
      Providers.configure(options, provider);
      return options;
    } catch (OrtException e) {
      options.close();
      throw new UnsupportedOperationException(
          "ONNX Runtime refused its session options: " + e.getMessage(), e);
    } catch (RuntimeException e) {
      options.close();
      throw e;
    }
  }
}
