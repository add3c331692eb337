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
        public void loading() {}

        @Override
        public void drawing() {}

        @Override
        public void close() {}
      };

  /** A model is being loaded: time that says nothing about the steps. */
  void loading();

  /** Steps begin. */
  void drawing();

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
            .setConsumer(new OneLine(terminal))
            .clearDisplayOnFinish()
            .build();
    return new Progress() {
      @Override
      public void onStep(Step step) {
        bar.step();
        bar.setExtraMessage(step.step() == step.total() ? "decoding" : "drawing");
      }

      @Override
      public void loading() {
        bar.setExtraMessage("loading");
        bar.refresh();
        bar.pause();
      }

      @Override
      public void drawing() {
        bar.setExtraMessage("drawing");
        bar.resume();
      }

      @Override
      public void close() {
        bar.close();
      }
    };
  }

  /** Leaves no empty line where the bar was. */
  final class OneLine extends ConsoleProgressBarConsumer {
    private final PrintStream terminal;

    private OneLine(PrintStream terminal) {
      // A fixed width: asking the terminal takes a native library and a quarter of a second.
      super(terminal, 79);
      this.terminal = terminal;
    }

    @Override
    public void close() {
      terminal.flush();
    }
  }
}
