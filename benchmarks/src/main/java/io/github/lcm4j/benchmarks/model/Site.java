package io.github.lcm4j.benchmarks.model;

/**
 * Where a layer is evaluated, and so how many times its weights are used in one evaluation.
 *
 * @param place over what
 * @param level for pixels: how often the latents' sides were halved, rounding up; negative where
 *     they were doubled. Otherwise 0
 */
record Site(Place place, int level) {
  /** What a layer runs over. */
  enum Place {
    /** Every pixel of a feature map. */
    PIXELS,
    /** Every token of the prompt. */
    TOKENS,
    /** Once a picture. */
    ONCE
  }

  static final Site TOKENS = new Site(Place.TOKENS, 0);
  static final Site ONCE = new Site(Place.ONCE, 0);

  static Site pixels(int level) {
    return new Site(Place.PIXELS, level);
  }

  long positions(Extent extent) {
    return switch (place) {
      case PIXELS -> (long) side(extent.height()) * side(extent.width());
      case TOKENS -> extent.tokens();
      case ONCE -> 1;
    };
  }

  private int side(int latents) {
    int side = latents << Math.max(0, -level);
    for (int i = 0; i < level; i++) {
      side = (side + 1) / 2;
    }
    return side;
  }
}
