package io.github.lcm4j;

import io.github.lcm4j.checkpoint.Checkpoint;
import java.io.IOException;
import java.util.Set;

/**
 * What diffusers' Stable Diffusion pipelines change in a scheduler's configuration before they use
 * it: early checkpoints were published with values that give worse pictures.
 */
final class SchedulerDefaults {
  /** Schedulers that clip the sample where the configuration does not say. */
  private static final Set<String> CLIP_BY_DEFAULT = Set.of("DDIMScheduler", "DDPMScheduler");

  private SchedulerDefaults() {}

  /**
   * The checkpoint's configuration as diffusers would use it.
   *
   * @param own whether the checkpoint's own scheduler is used as it is: only then are options
   *     corrected that the file leaves out. Another scheduler made from the configuration has its
   *     own defaults for those
   */
  static SchedulerConfig amend(Checkpoint checkpoint, boolean own) throws IOException {
    SchedulerConfig config = checkpoint.schedulerConfig();
    String pipeline = checkpoint.modelIndex().path("_class_name").asText("StableDiffusionPipeline");
    if (!pipeline.contains("StableDiffusion")
        || pipeline.contains("StableDiffusionXL")
        || pipeline.contains("ControlNet")) {
      return config;
    }
    boolean corrects = own || !config.get("steps_offset").isMissingNode();
    SchedulerConfig amended = corrects ? config.with("steps_offset", 1) : config;
    boolean clips =
        config.get("clip_sample").asBoolean(own && CLIP_BY_DEFAULT.contains(config.className()));
    return clips ? amended.with("clip_sample", false) : amended;
  }
}
