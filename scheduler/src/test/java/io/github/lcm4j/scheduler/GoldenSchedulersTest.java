package io.github.lcm4j.scheduler;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertInstanceOf;

import com.fasterxml.jackson.databind.JsonNode;
import io.github.lcm4j.Sampler;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.tensor.Tensor;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/**
 * Whole runs against diffusers. golden/README.md says how the reference data were made and what
 * they allow: timesteps exactly, samples to 1e-4 of the largest element.
 */
class GoldenSchedulersTest {
  private static final double TOLERANCE = 1e-4;

  static Stream<GoldenCase> cases() {
    return Stream.of("schedulers", "options").flatMap(name -> GoldenCase.load(name).stream());
  }

  @Test
  void allCasesAreThere() {
    assertEquals(54, GoldenCase.load("schedulers").size());
    assertEquals(226, GoldenCase.load("options").size());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void timestepsAndLevels(GoldenCase golden) {
    Sampler sampler = golden.sampler();
    JsonNode expected = golden.expected().get("timesteps");
    double[] timesteps = sampler.timesteps();
    assertEquals(expected.size(), timesteps.length, "number of timesteps");
    for (int i = 0; i < timesteps.length; i++) {
      assertEquals(
          expected.get(i).asDouble(),
          timesteps[i],
          rounding(golden, timesteps[i]),
          "timestep " + i);
    }
    double sigma = golden.expected().get("init_noise_sigma").asDouble();
    assertEquals(sigma, sampler.initNoiseSigma(), 1e-6 * sigma, "initNoiseSigma");
    JsonNode sigmas = golden.expected().get("sigmas");
    for (int i = 0; i < sigmas.size(); i++) {
      double value = sigmas.get(i).asDouble();
      assertEquals(value, level(sampler, i), 1e-6 * value, "sigma " + i);
    }
  }

  private static double level(Sampler sampler, int index) {
    return sampler instanceof SigmaSampler levels
        ? levels.sigma(index)
        : assertInstanceOf(LogSnrSampler.class, sampler).sigma(index);
  }

  /**
   * Timesteps that are found from noise levels carry the rounding of square roots and logarithms,
   * which PyTorch and numpy take from libraries that round by up to one unit in the last place and
   * differently on different processors. 1e-6 relative for those; all others exactly.
   */
  private static double rounding(GoldenCase golden, double timestep) {
    JsonNode config = golden.expected().get("config");
    boolean fromLevels =
        config.path("use_karras_sigmas").asBoolean()
            || config.path("use_exponential_sigmas").asBoolean()
            || config.path("use_beta_sigmas").asBoolean()
            || "continuous".equals(config.path("timestep_type").asText());
    return fromLevels && timestep != Math.rint(timestep) ? 1e-6 * Math.abs(timestep) : 0;
  }

  @ParameterizedTest
  @MethodSource("cases")
  void noise(GoldenCase golden) {
    Sampler sampler = golden.sampler();
    Tensor noised =
        sampler.addNoise(golden.tensor("clean"), golden.tensor("noise"), golden.start());
    Tensors.assertClose("noised", golden.tensor("noised"), noised, TOLERANCE);
  }

  @ParameterizedTest
  @MethodSource("cases")
  void trajectory(GoldenCase golden) {
    Sampler sampler = golden.sampler();
    TorchRandom random = new TorchRandom(golden.expected().get("step_noise_seed").asLong());
    Tensor bias = golden.tensor("bias");
    Tensor sample = golden.initial();
    int start = golden.start();
    for (int i = start; i < sampler.timesteps().length; i++) {
      Tensor output = Tensors.model(sampler.scaleModelInput(sample, i), bias);
      Sampler.Step step = sampler.step(output, i, sample, random);
      sample = step.prevSample();
      Tensors.assertClose(
          "sample after step " + i, golden.tensor("trajectory", i - start), sample, TOLERANCE);
      if (golden.has("denoised")) {
        Tensors.assertClose(
            "denoised of step " + i,
            golden.tensor("denoised", i - start),
            step.predOriginalSample(),
            TOLERANCE);
      }
    }
  }
}
