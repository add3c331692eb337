package io.github.lcm4j.benchmarks;

import io.github.lcm4j.benchmarks.model.Architecture;
import io.github.lcm4j.benchmarks.report.Case;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumSet;
import java.util.List;
import java.util.Set;

/**
 * What to measure of a model at a size.
 *
 * @param subject model and size
 * @param architecture its networks
 * @param whole whether whole generations are run; else only one evaluation of each part, from which
 *     they are extrapolated
 * @param common the settings of all benchmarks: LoRA, provider and threads
 */
record Plan(Case subject, Architecture architecture, boolean whole, Settings common) {
  /** UNets below this many operations are run often, for calls that take a fraction of a second. */
  private static final double SMALL = 1e11;

  static final List<Sampling> SAMPLINGS =
      List.of(
          new Sampling(true, 1),
          new Sampling(true, 2),
          new Sampling(true, 4),
          new Sampling(true, 8),
          new Sampling(false, 25),
          new Sampling(false, 50));

  /**
   * Settings that all plans share.
   *
   * @param lora {@code auto}, {@code none} or a file
   * @param provider name of the execution provider
   * @param threads threads a network may use; 0 for as many as there are cores
   */
  record Settings(String lora, String provider, int threads) {}

  static Plan of(Case subject, boolean whole, Settings common) throws IOException {
    return new Plan(subject, ModelFiles.architecture(subject.checkpoint()), whole, common);
  }

  private boolean small() {
    return architecture.unet().flops(architecture.extent(1, subject.pixels())) < SMALL;
  }

  private boolean hasLora() {
    return switch (common.lora()) {
      case "none" -> false;
      case "auto" ->
          subject.checkpoint().equals(ModelFiles.POCKET)
              || ModelFiles.isSynthetic(subject.checkpoint());
      default -> true;
    };
  }

  /** The calls of JMH for some topics, in order. */
  List<Task> tasks(Set<Topic> topics) {
    List<Task> tasks = new ArrayList<>();
    if (topics.contains(Topic.STEPS) && whole) {
      tasks.add(steps(true));
      tasks.add(steps(false));
    }
    if (topics.contains(Topic.PARTS) || topics.contains(Topic.STEPS) && !whole) {
      tasks.addAll(parts());
    }
    if (topics.contains(Topic.FOLDING) && whole && hasLora() && isNative()) {
      tasks.add(subject(Folding.class, ""));
    }
    if (topics.contains(Topic.STARTUP) && whole && isNative()) {
      tasks.add(subject(StartUp.class, ""));
    }
    return tasks;
  }

  /** What does not depend on the size is measured at one size only. */
  private boolean isNative() {
    return subject.pixels() == architecture.nativeSize();
  }

  private Task steps(boolean lcm) {
    Object[] samplings = SAMPLINGS.stream().filter(s -> s.lcm() == lcm).toArray();
    Task task = subject(StepsVersusLatency.class, "").with("sampling", samplings);
    return small() ? task.times(lcm ? 5 : 1, lcm ? 15 : 5) : task.times(0, lcm ? 3 : 1);
  }

  private List<Task> parts() {
    Task all = subject(Parts.class, "").times(small() ? 5 : 1, small() ? 15 : 3);
    Task guided =
        subject(Parts.class, "unetStep")
            .with("batch", 2 * subject.batch())
            .times(all.warmup(), all.iterations());
    return List.of(all, guided);
  }

  private Task subject(Class<?> benchmark, String method) {
    return Task.of(benchmark, method)
        .with("checkpoint", subject.checkpoint())
        .with("dtype", subject.dtype())
        .with("size", subject.pixels())
        .with("batch", subject.batch())
        .with("lora", common.lora())
        .with("provider", common.provider())
        .with("threads", common.threads());
  }

  /** The topics that need no model. */
  static List<Task> machineTasks(Set<Topic> topics, Settings common) {
    List<Task> tasks = new ArrayList<>();
    boolean folds = topics.contains(Topic.FOLDING);
    if ((folds || topics.contains(Topic.PARTS)) && common.provider().equalsIgnoreCase("CPU")) {
      tasks.add(Task.of(MatrixProductRate.class, "").with("threads", common.threads()));
    }
    if (folds) {
      tasks.add(Task.of(CopyRate.class, ""));
    }
    if (topics.contains(Topic.SCHEDULER)) {
      tasks.add(Task.of(SchedulerStep.class, ""));
    }
    return tasks;
  }

  /** All topics that JMH measures. */
  static Set<Topic> allTopics() {
    return EnumSet.complementOf(EnumSet.of(Topic.PEERS));
  }
}
