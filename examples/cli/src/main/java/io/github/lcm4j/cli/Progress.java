package io.github.lcm4j.cli;

import io.github.lcm4j.GenerationListener;
import java.io.PrintStream;
import me.tongfei.progressbar.ConsoleProgressBarConsumer;
import me.tongfei.progressbar.ProgressBar;
import me.tongfei.progressbar.ProgressBarBuilder;
import me.tongfei.progressbar.ProgressBarStyle;

/** Shows how far a command is. */
interface Progress extends GenerationListener, AutoCloseable {
  /** Shows nothing. */
  Progress NONE =
      new Progress() {
        @Override
        public void onStep(Step step) {}

        @Override
        public void phase(String name) {}

        @Override
        public void close() {}
      };

  /** What is being done, besides steps. */
  void phase(String name);

  /** Ends the display. */
  @Override
  void close();

  /** A bar that counts denoising steps. */
  static Progress bar(PrintStream terminal, long steps) {
    ProgressBar bar =
        new ProgressBarBuilder()
            .setTaskName("lcm4j")
            .setInitialMax(steps)
            .setStyle(ProgressBarStyle.ASCII)
            .setUpdateIntervalMillis(100)
            // A fixed width: asking the terminal takes a native library and a quarter of a second.
            .setConsumer(new ConsoleProgressBarConsumer(terminal, 79))
            .clearDisplayOnFinish()
            .build();
    return new Progress() {
      @Override
      public void onStep(Step step) {
        bar.step();
        if (step.step() == step.total()) {
          phase("decoding");
        } else {
          phase("step %d of %d".formatted(step.step() + 1, step.total()));
        }
      }

      @Override
      public void phase(String name) {
        bar.setExtraMessage(name);
      }

      @Override
      public void close() {
        bar.close();
      }
    };
  }
}
