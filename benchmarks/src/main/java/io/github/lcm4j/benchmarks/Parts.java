package io.github.lcm4j.benchmarks;

import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.ArrayList;
import java.util.List;
import org.openjdk.jmh.annotations.Benchmark;
import org.openjdk.jmh.annotations.Setup;
import org.openjdk.jmh.annotations.TearDown;

/** The networks one by one, each a single evaluation. */
public class Parts extends ForkedBenchmark {
  private DiffusionModel model;
  private NetworkInputs inputs;

  /** Made by JMH. */
  public Parts() {}

  /** Loads the networks and makes their inputs. */
  @Setup
  public void load(Subject subject) throws IOException {
    model = subject.load();
    inputs = NetworkInputs.of(model, subject.architecture(), subject.batch, subject.pixels());
    ProcessMemory.resetPeak();
  }

  /** One prompt through every text encoder. */
  @Benchmark
  public List<Tensor> textEncoders() {
    List<Tensor> states = new ArrayList<>();
    for (TextEncoder encoder : model.textEncoders()) {
      states.add(encoder.encode(inputs.inputIds(), 0, true).hiddenState());
    }
    return states;
  }

  /** One UNet evaluation. */
  @Benchmark
  public Tensor unetStep() {
    return model.unet().predict(inputs.unet());
  }

  /** One picture through the decoder. */
  @Benchmark
  public Tensor vaeDecode() {
    return model.vaeDecoder().decode(inputs.latents());
  }

  /** Frees the networks. */
  @TearDown
  public void close() {
    model.close();
  }
}
