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

  static SchedulerConfig amend(Checkpoint checkpoint) throws IOException {
    SchedulerConfig config = checkpoint.schedulerConfig();
    String pipeline = checkpoint.modelIndex().path("_class_name").asText("StableDiffusionPipeline");
    if (!pipeline.contains("StableDiffusion")
        || pipeline.contains("StableDiffusionXL")
        || pipeline.contains("ControlNet")) {
      return config;
    }
    SchedulerConfig amended = config.with("steps_offset", 1);
    boolean clips =
        config.get("clip_sample").asBoolean(CLIP_BY_DEFAULT.contains(config.className()));
    return clips ? amended.with("clip_sample", false) : amended;
  }
}
