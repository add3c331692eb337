package io.github.lcm4j.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertNotSame;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.Sampler;
import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.SchedulerFactory;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.nio.FloatBuffer;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.stream.Stream;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.FieldSource;
import org.junit.jupiter.params.provider.MethodSource;

/** What every scheduler must keep to, with its defaults and with every prediction type it knows. */
class SchedulerContractTest {
  private static final long[] SHAPE = {2, 4, 3, 5};
  private static final int STEPS = 6;

  private static final Map<String, SchedulerFactory> FACTORIES =
      new DiffusersSchedulers().schedulers();

  static final List<String> NAMES = List.copyOf(FACTORIES.keySet());

  static Scheduler create(String name, SchedulerConfig config) {
    return FACTORIES.get(name).create(config);
  }

  static Scheduler create(String name) {
    return create(name, SchedulerConfig.defaults());
  }

  private static Sampler sampler(String name) {
    return create(name).sampler(SamplingPlan.of(STEPS));
  }

  /** Every scheduler with every prediction type that it knows. */
  static Stream<Arguments> predictions() {
    return NAMES.stream()
        .flatMap(
            name ->
                Stream.of("epsilon", "v_prediction", "sample")
                    .filter(type -> !type.equals("sample") || knowsSample(name))
                    .map(type -> Arguments.of(name, type)));
  }

  private static boolean knowsSample(String name) {
    return !List.of("PNDMScheduler", "EulerAncestralDiscreteScheduler").contains(name);
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void isCalledWhatItIsListedAs(String name) {
    assertEquals(name, create(name).name());
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void timestepsDescendInsideTheTrainingTimesteps(String name) {
    Sampler sampler = sampler(name);
    double[] timesteps = sampler.timesteps();
    assertTrue(timesteps.length >= STEPS);
    assertTrue(timesteps[0] <= 999 && timesteps[timesteps.length - 1] >= 0);
    for (int i = 1; i < timesteps.length; i++) {
      assertTrue(timesteps[i] <= timesteps[i - 1], "timestep " + i);
    }
    timesteps[0] = -1;
    assertTrue(sampler.timesteps()[0] > 0, "the caller's copy is the caller's");
  }

  /** Data of unit variance noised to any level reach the model with unit variance. */
  @ParameterizedTest
  @FieldSource("NAMES")
  void noisedSamplesAreScaledToUnitVariance(String name) {
    Sampler sampler = sampler(name);
    for (int i = 0; i < sampler.timesteps().length; i++) {
      float signal = first(sampler.scaleModelInput(signal(sampler, i), i));
      float spread = first(sampler.scaleModelInput(spread(sampler, i), i));
      assertEquals(1, signal * signal + spread * spread, 1e-5, "index " + i);
    }
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void startsAtTheNoiseLevelOfTheFirstTimestep(String name) {
    Sampler sampler = sampler(name);
    double spread = first(spread(sampler, 0));
    assertEquals(1, spread / sampler.initNoiseSigma(), 0.01);
  }

  /** A model that knows the answer is believed: every estimate and the result are the answer. */
  @ParameterizedTest
  @MethodSource("predictions")
  void aPerfectModelIsReproduced(String name, String prediction) {
    SchedulerConfig config = SchedulerConfig.defaults().with("prediction_type", prediction);
    Sampler sampler = create(name, config).sampler(SamplingPlan.of(STEPS));
    Tensor answer = Elementwise.map(noise(3), x -> (float) Math.tanh(x));
    TorchRandom random = new TorchRandom(4);
    float sigma = (float) sampler.initNoiseSigma();
    Tensor sample = Elementwise.map(random.randn(SHAPE), x -> x * sigma);
    for (int i = 0; i < sampler.timesteps().length; i++) {
      float signal = first(signal(sampler, i));
      float spread = first(spread(sampler, i));
      // v belongs to the process of unit variance
      float norm = (float) Math.hypot(signal, spread);
      Tensor output =
          Elementwise.map(
              sample,
              answer,
              (x, x0) -> {
                float epsilon = (x - signal * x0) / spread;
                return switch (prediction) {
                  case "epsilon" -> epsilon;
                  case "sample" -> x0;
                  default -> (signal * epsilon - spread * x0) / norm;
                };
              });
      Sampler.Step step = sampler.step(output, i, sample, random);
      Tensors.assertClose("estimate of step " + i, answer, step.predOriginalSample(), 1e-3);
      sample = step.prevSample();
    }
    // Some end at the cleanest training timestep, where a little noise is left.
    Tensors.assertClose("result", answer, sample, 0.15);
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void leavesItsArgumentsAloneAndKeepsNoHoldOfMemory(String name) {
    List<Tensor> expected = run(name, false);
    List<Tensor> scribbled = run(name, true);
    for (int i = 0; i < expected.size(); i++) {
      Tensors.assertSame("step " + i, expected.get(i), scribbled.get(i));
    }
  }

  /** The samples of a run; with {@code scribble}, all that passed through the sampler is wiped. */
  private static List<Tensor> run(String name, boolean scribble) {
    Sampler sampler = sampler(name);
    TorchRandom random = new TorchRandom(5);
    Tensor bias = noise(6);
    Tensor sample = noise(7);
    List<Tensor> samples = new ArrayList<>();
    for (int i = 0; i < sampler.timesteps().length; i++) {
      Tensor output = Tensors.model(sampler.scaleModelInput(sample, i), bias);
      Tensor outputBefore = output.copy();
      Tensor sampleBefore = sample.copy();
      Sampler.Step step = sampler.step(output, i, sample, random);
      Tensors.assertSame("model output", outputBefore, output);
      Tensors.assertSame("sample", sampleBefore, sample);
      assertNotSame(step.prevSample(), step.predOriginalSample());
      Tensor next = step.prevSample().copy();
      if (scribble) {
        for (Tensor used : List.of(output, sample, step.prevSample(), step.predOriginalSample())) {
          fill(used, Float.NaN);
        }
      }
      samples.add(next.copy());
      sample = next;
    }
    return samples;
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void samplersOfOneSchedulerAreIndependent(String name) {
    List<Tensor> alone = run(name, false);
    Scheduler scheduler = create(name);
    Sampler one = scheduler.sampler(SamplingPlan.of(STEPS));
    Sampler other = scheduler.sampler(SamplingPlan.of(STEPS));
    TorchRandom random = new TorchRandom(5);
    TorchRandom otherRandom = new TorchRandom(8);
    Tensor bias = noise(6);
    Tensor sample = noise(7);
    Tensor otherSample = noise(9);
    for (int i = 0; i < alone.size(); i++) {
      Tensor output = Tensors.model(one.scaleModelInput(sample, i), bias);
      sample = one.step(output, i, sample, random).prevSample();
      otherSample = other.step(noise(i), i, otherSample, otherRandom).prevSample();
      Tensors.assertSame("step " + i, alone.get(i), sample);
    }
  }

  /** The generator's order decides reproducibility, so noise may be drawn only where it is used. */
  @ParameterizedTest
  @FieldSource("NAMES")
  void drawsNoiseOnlyWhereItIsNeeded(String name) {
    int draws =
        switch (name) {
          case "LCMScheduler", "TCDScheduler", "DDPMScheduler" -> STEPS - 1;
          case "EulerAncestralDiscreteScheduler" -> STEPS;
          default -> 0;
        };
    Sampler sampler = sampler(name);
    TorchRandom random = new TorchRandom(10);
    TorchRandom counting = new TorchRandom(10);
    Tensor sample = noise(11);
    for (int i = 0; i < sampler.timesteps().length; i++) {
      sample = sampler.step(noise(12), i, sample, random).prevSample();
    }
    for (int i = 0; i < draws; i++) {
      counting.randn(SHAPE);
    }
    Tensors.assertSame("next draw", counting.randn(SHAPE), random.randn(SHAPE));
  }

  @ParameterizedTest
  @FieldSource("NAMES")
  void refusesStepsOutOfOrderAndOtherShapes(String name) {
    Sampler sampler = sampler(name);
    TorchRandom random = new TorchRandom(13);
    int count = sampler.timesteps().length;
    Tensor sample = noise(14);
    Tensor other = new TorchRandom(15).randn(1, 4, 3, 5);
    assertThrows(IndexOutOfBoundsException.class, () -> sampler.scaleModelInput(sample, count));
    assertThrows(IndexOutOfBoundsException.class, () -> sampler.step(sample, -1, sample, random));
    assertThrows(IndexOutOfBoundsException.class, () -> sampler.addNoise(sample, sample, count));
    assertThrows(IllegalArgumentException.class, () -> sampler.addNoise(sample, other, 0));
    assertThrows(IllegalArgumentException.class, () -> sampler.step(other, 1, sample, random));
    sampler.step(sample, 1, sample, random);
    assertThrows(IllegalArgumentException.class, () -> sampler.step(sample, 1, sample, random));
    assertThrows(IllegalArgumentException.class, () -> sampler.step(sample, 3, sample, random));
    sampler.step(sample, 2, sample, random);
  }

  private static Tensor noise(long seed) {
    return new TorchRandom(seed).randn(SHAPE);
  }

  /** A constant tensor of the weight of the clean sample at an index. */
  private static Tensor signal(Sampler sampler, int index) {
    return sampler.addNoise(constant(1), constant(0), index);
  }

  /** A constant tensor of the weight of the noise at an index. */
  private static Tensor spread(Sampler sampler, int index) {
    return sampler.addNoise(constant(0), constant(1), index);
  }

  private static Tensor constant(float value) {
    Tensor tensor = Tensor.allocate(DType.FLOAT32, SHAPE);
    fill(tensor, value);
    return tensor;
  }

  private static void fill(Tensor tensor, float value) {
    FloatBuffer values = tensor.floats();
    while (values.hasRemaining()) {
      values.put(value);
    }
  }

  private static float first(Tensor tensor) {
    return tensor.floats().get(0);
  }
}
