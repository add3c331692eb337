package io.github.lcm4j;

/** What an initial image's strength does to the schedule. */
public enum StrengthMode {
  /**
   * The run starts late: of {@code steps} steps only the last {@code ⌊steps × strength⌋} are taken.
   * So do diffusers' StableDiffusionImg2ImgPipeline, its SDXL sister and all inpainting pipelines.
   */
  CUT_SCHEDULE,

  /**
   * All {@code steps} steps are taken, spread over the lower {@code strength} share of the schedule
   * the model was distilled on. So does diffusers' LatentConsistencyModelImg2ImgPipeline. Needs a
   * scheduler that {@linkplain Scheduler#readsStrength() reads strength}.
   */
  LCM
}
