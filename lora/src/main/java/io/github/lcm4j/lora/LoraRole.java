package io.github.lcm4j.lora;

/** What a tensor of a LoRA file is to its module. */
public enum LoraRole {
  /** LoRA's A: {@code [rank, in]} or {@code [rank, in, kh, kw]}. */
  DOWN,
  /** LoRA's B: {@code [out, rank]} or {@code [out, rank, 1, 1]}. */
  UP,
  /** LoCon's Tucker core {@code [rank, rank, kh, kw]}. */
  MID,
  /** Bias that PEFT trains with B: {@code [out]}. */
  UP_BIAS,
  /** LoHa's first pair, left: {@code [out, rank]}, or {@code [rank, out]} beside a core. */
  HADA_W1_A,
  /** LoHa's first pair, right: {@code [rank, in·kh·kw]}, or {@code [rank, in]} beside a core. */
  HADA_W1_B,
  /** LoHa's second pair, left. */
  HADA_W2_A,
  /** LoHa's second pair, right. */
  HADA_W2_B,
  /** LoHa's Tucker core of the first pair {@code [rank, rank, kh, kw]}. */
  HADA_T1,
  /** LoHa's Tucker core of the second pair. */
  HADA_T2,
  /** LoKr's first factor, whole. */
  LOKR_W1,
  /** LoKr's first factor, left of a product. */
  LOKR_W1_A,
  /** LoKr's first factor, right of a product. */
  LOKR_W1_B,
  /** LoKr's second factor, whole. */
  LOKR_W2,
  /** LoKr's second factor, left: {@code [out₂, rank]}, or {@code [rank, out₂]} beside a core. */
  LOKR_W2_A,
  /** LoKr's second factor, right: {@code [rank, in₂·kh·kw]}, or {@code [rank, in₂]}. */
  LOKR_W2_B,
  /** LoKr's Tucker core of the second factor {@code [rank, rank, kh, kw]}. */
  LOKR_T2,
  /** DoRA's magnitudes, one for each output or each input. */
  MAGNITUDE,
  /** A whole difference of the weight. */
  DIFF,
  /** A whole difference of the bias. */
  DIFF_BIAS,
  /** The scalar numerator of the scale. */
  ALPHA
}
