package io.github.lcm4j.scheduler;

import static org.junit.jupiter.api.Assertions.assertArrayEquals;
import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.SamplingPlan;
import io.github.lcm4j.Scheduler;
import io.github.lcm4j.SchedulerConfig;
import io.github.lcm4j.spi.SchedulerProvider;
import java.io.IOException;
import java.io.InputStream;
import java.lang.module.ModuleDescriptor;
import java.nio.charset.StandardCharsets;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;

/** Options: what is refused, and what a missing one means. */
class SchedulerOptionsTest {
  static List<String> names() {
    return SchedulerContractTest.NAMES;
  }

  private static String refusal(String name, String config) {
    return assertThrows(
            IllegalArgumentException.class,
            () -> SchedulerContractTest.create(name, SchedulerConfig.parse(config)))
        .getMessage();
  }

  private static void assertMentions(String message, String... parts) {
    for (String part : parts) {
      assertTrue(message.contains(part), () -> "'" + part + "' in: " + message);
    }
  }

  @ParameterizedTest
  @MethodSource("names")
  void refusesUnknownValuesAndListsTheKnown(String name) {
    assertMentions(
        refusal(name, "{\"beta_schedule\": \"sinus\"}"),
        name,
        "beta_schedule",
        "sinus",
        "linear, scaled_linear, squaredcos_cap_v2");
    assertMentions(
        refusal(name, "{\"prediction_type\": \"flow\"}"),
        name,
        "prediction_type",
        "flow",
        "epsilon",
        "v_prediction");
    assertMentions(
        refusal(name, "{\"timestep_spacing\": \"random\"}"),
        name,
        "timestep_spacing",
        "random",
        "linspace, leading, trailing");
  }

  @ParameterizedTest
  @MethodSource("names")
  void refusesWrongTypes(String name) {
    assertMentions(refusal(name, "{\"num_train_timesteps\": 0}"), "num_train_timesteps", "0");
    assertMentions(refusal(name, "{\"num_train_timesteps\": 9.5}"), "num_train_timesteps", "9.5");
    assertMentions(refusal(name, "{\"beta_end\": \"big\"}"), "beta_end", "big", "a number");
    assertMentions(refusal(name, "{\"trained_betas\": [0.1]}"), "trained_betas", "1000");
    assertMentions(refusal(name, "{\"trained_betas\": [\"x\"]}"), "trained_betas", "numbers");
    assertMentions(refusal(name, "{\"trained_betas\": 3}"), "trained_betas", "numbers");
  }

  @ParameterizedTest
  @CsvSource({
    "EulerDiscreteScheduler, interpolation_type, cubic, linear",
    "EulerDiscreteScheduler, timestep_type, odd, continuous",
    "EulerDiscreteScheduler, final_sigmas_type, one, sigma_min",
    "EulerAncestralDiscreteScheduler, prediction_type, sample, v_prediction",
    "PNDMScheduler, prediction_type, sample, v_prediction",
    "DDPMScheduler, variance_type, learned, fixed_small_log",
    "DPMSolverMultistepScheduler, algorithm_type, magic, sde-dpmsolver++",
    "DPMSolverMultistepScheduler, solver_type, magic, midpoint",
    "DPMSolverMultistepScheduler, variance_type, learned_range, not supported",
    "UniPCMultistepScheduler, solver_type, magic, bh2",
    "UniPCMultistepScheduler, final_sigmas_type, one, sigma_min",
    "LMSDiscreteScheduler, beta_schedule, exp, linear",
  })
  void refusesUnknownValuesOfItsOwn(String name, String option, String value, String known) {
    assertMentions(
        refusal(name, "{\"%s\": \"%s\"}".formatted(option, value)), name, option, value, known);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "DPMSolverMultistepScheduler | {'solver_order': 4} | solver_order",
        "DPMSolverMultistepScheduler | {'algorithm_type': 'dpmsolver'} | sigma_min",
        "DPMSolverMultistepScheduler | {'algorithm_type': 'sde-dpmsolver', 'solver_order': 3,"
            + " 'final_sigmas_type': 'sigma_min'} | solver_order",
        "DPMSolverMultistepScheduler | {'use_flow_sigmas': true} | flow",
        "UniPCMultistepScheduler | {'use_flow_sigmas': true} | flow",
        "UniPCMultistepScheduler | {'predict_x0': false} | sigma_min",
        "UniPCMultistepScheduler | {'solver_p': {}} | solver_p",
        "UniPCMultistepScheduler | {'disable_corrector': [0.5]} | disable_corrector",
        "EulerDiscreteScheduler | {'use_karras_sigmas': true, 'use_beta_sigmas': true} | only one",
        "EulerDiscreteScheduler | {'sigma_min': 0} | sigma_min",
        "DPMSolverMultistepScheduler | {'lambda_min_clipped': 20} | lambda_min_clipped",
        "LCMScheduler | {'beta_end': 1.5} | from 0 to 1",
        "LCMScheduler | {'thresholding': 'yes'} | true or false",
        "LCMScheduler | {'dynamic_thresholding_ratio': 2} | from 0 to 1",
      })
  void refusesWhatCannotBeDone(String name, String config, String part) {
    assertMentions(refusal(name, config.replace('\'', '"')), name, part);
  }

  /** Configurations travel between schedulers, so another one's options must not disturb. */
  @ParameterizedTest
  @MethodSource("names")
  void takesOptionsOfOtherSchedulers(String name) {
    SchedulerConfig config =
        SchedulerConfig.parse(
            """
            {"_class_name": "PNDMScheduler", "_diffusers_version": "0.6.0", "skip_prk_steps": true,
             "beta_schedule": "scaled_linear", "beta_start": 0.00085, "beta_end": 0.012,
             "num_train_timesteps": 1000, "set_alpha_to_one": false, "steps_offset": 1,
             "trained_betas": null, "clip_sample": false, "sample_max_value": 1.0,
             "variance_type": "fixed_small", "solver_type": "heun", "use_flow_sigmas": false,
             "lambda_min_clipped": -Infinity, "sigma_min": null, "interpolation_type": "linear"}
            """);
    Scheduler scheduler = SchedulerContractTest.create(name, config);
    assertTrue(scheduler.sampler(SamplingPlan.of(4)).timesteps().length >= 4);
  }

  @ParameterizedTest
  @MethodSource("names")
  void nullAndHiddenOptionsMeanTheDefaults(String name) {
    double[] expected = SchedulerContractTest.create(name).sampler(SamplingPlan.of(4)).timesteps();
    SchedulerConfig config =
        SchedulerConfig.parse(
            """
            {"num_train_timesteps": 500, "timestep_spacing": null, "steps_offset": null,
             "_use_default_values": ["num_train_timesteps"]}
            """);
    assertArrayEquals(
        expected,
        SchedulerContractTest.create(name, config).sampler(SamplingPlan.of(4)).timesteps());
  }

  static Stream<String> withoutExplicitTimesteps() {
    return Stream.of(
        "DDIMScheduler",
        "EulerAncestralDiscreteScheduler",
        "UniPCMultistepScheduler",
        "LMSDiscreteScheduler",
        "PNDMScheduler");
  }

  @ParameterizedTest
  @MethodSource("withoutExplicitTimesteps")
  void refusesExplicitTimesteps(String name) {
    Scheduler scheduler = SchedulerContractTest.create(name);
    SamplingPlan plan = SamplingPlan.ofTimesteps(900, 500);
    assertMentions(
        assertThrows(IllegalArgumentException.class, () -> scheduler.sampler(plan)).getMessage(),
        name,
        "number of steps");
  }

  @ParameterizedTest
  @MethodSource("names")
  void plansThatDoNotFitAreRefused(String name) {
    Scheduler scheduler = SchedulerContractTest.create(name);
    boolean distilled = name.equals("LCMScheduler") || name.equals("TCDScheduler");
    if (!distilled) {
      SamplingPlan plan = SamplingPlan.of(4).originalInferenceSteps(50);
      assertThrows(IllegalArgumentException.class, () -> scheduler.sampler(plan));
    }
    if (withoutExplicitTimesteps().noneMatch(name::equals)) {
      SamplingPlan rising = SamplingPlan.ofTimesteps(10, 20);
      assertThrows(IllegalArgumentException.class, () -> scheduler.sampler(rising));
      SamplingPlan high = SamplingPlan.ofTimesteps(1000, 20);
      assertThrows(IllegalArgumentException.class, () -> scheduler.sampler(high));
    }
    if (name.equals("DDIMScheduler") || name.equals("TCDScheduler")) {
      SamplingPlan noisy = SamplingPlan.of(4).eta(1.5);
      assertMentions(
          assertThrows(IllegalArgumentException.class, () -> scheduler.sampler(noisy)).getMessage(),
          "eta",
          "1.5");
    }
  }

  @Test
  void tooManyStepsAreRefused() {
    for (String name : List.of("DDIMScheduler", "DDPMScheduler", "PNDMScheduler")) {
      Scheduler scheduler = SchedulerContractTest.create(name);
      SamplingPlan plan = SamplingPlan.of(1001);
      assertMentions(
          assertThrows(IllegalArgumentException.class, () -> scheduler.sampler(plan)).getMessage(),
          "1001",
          "1000");
    }
    Scheduler leading =
        new EulerDiscreteScheduler(SchedulerConfig.defaults().with("timestep_spacing", "leading"));
    assertThrows(IllegalArgumentException.class, () -> leading.sampler(SamplingPlan.of(1001)));
    Scheduler rungeKutta = new PNDMScheduler();
    assertThrows(IllegalArgumentException.class, () -> rungeKutta.sampler(SamplingPlan.of(3)));
  }

  /** 1000 / (1000 / 61) is a little more than 61: no 62nd timestep at −1 may come of it. */
  @Test
  void trailingSpacingHasOneTimestepAStep() {
    Scheduler scheduler =
        new DDIMScheduler(SchedulerConfig.defaults().with("timestep_spacing", "trailing"));
    for (int steps = 1; steps <= 1000; steps++) {
      double[] timesteps = scheduler.sampler(SamplingPlan.of(steps)).timesteps();
      assertEquals(steps, timesteps.length, "steps");
      assertEquals(999, timesteps[0], "first of " + steps);
    }
  }

  @Test
  void isDeclaredAsAServiceOnModulePathAndClassPath() throws IOException {
    ModuleDescriptor module = DiffusersSchedulers.class.getModule().getDescriptor();
    assertTrue(
        module.provides().stream()
            .anyMatch(
                provides ->
                    provides.service().equals(SchedulerProvider.class.getName())
                        && provides.providers().contains(DiffusersSchedulers.class.getName())));
    String file = "/META-INF/services/" + SchedulerProvider.class.getName();
    try (InputStream in = DiffusersSchedulers.class.getResourceAsStream(file)) {
      assertEquals(
          DiffusersSchedulers.class.getName(),
          new String(in.readAllBytes(), StandardCharsets.UTF_8).strip());
    }
  }
}
