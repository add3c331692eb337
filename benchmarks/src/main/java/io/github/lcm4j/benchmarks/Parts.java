package io.github.lcm4j.benchmarks;

import io.github.lcm4j.benchmarks.model.Architecture;
import io.github.lcm4j.random.TorchRandom;
import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.TextEncoder;
import io.github.lcm4j.spi.Unet;
import io.github.lcm4j.tensor.DType;
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
  private Tensor inputIds;
  private Tensor latents;
  private Unet.Input unetInput;

  /** Made by JMH. */
  public Parts() {}

  /** Loads the networks and makes their inputs. */
  @Setup
  public void load(Subject subject) throws IOException {
    Architecture architecture = subject.architecture();
    TorchRandom random = new TorchRandom(0);
    int side = subject.pixels() / architecture.scaleFactor();
    int tokens = architecture.tokens();
    inputIds = ids(tokens);
    latents = random.randn(1, architecture.latentChannels(), side, side);
    model = subject.load();
    unetInput = unetInput(random, subject.batch, tokens, side, subject.pixels());
    ProcessMemory.resetPeak();
  }

  private static Tensor ids(int tokens) {
    long[] ids = new long[tokens];
    for (int i = 0; i < ids.length; i++) {
      ids[i] = 1 + i % 255;
    }
    return Tensor.of(ids, 1, tokens);
  }

  private Unet.Input unetInput(TorchRandom random, int batch, int tokens, int side, int pixels) {
    int width = 0;
    Tensor pooled = null;
    for (TextEncoder encoder : model.textEncoders()) {
      width += encoder.hiddenSize();
      pooled = encoder.encode(inputIds, 0, true).textEmbeds();
    }
    boolean textTime = model.unet().usesTextTime();
    int conditioned = model.unet().timeCondProjDim();
    return new Unet.Input(
        random.randn(batch, model.unet().inChannels(), side, side),
        499,
        random.randn(batch, tokens, width),
        conditioned > 0 ? random.randn(batch, conditioned) : null,
        textTime ? repeated(pooled, batch) : null,
        textTime ? timeIds(batch, pixels) : null,
        List.of(),
        null);
  }

  private static Tensor repeated(Tensor row, int times) {
    Tensor rows = Tensor.allocate(DType.FLOAT32, times, row.dimension(1));
    for (int i = 0; i < times; i++) {
      rows.rows(i, i + 1).buffer().put(row.buffer());
    }
    return rows;
  }

  /** Original size, crop and target size, as SDXL takes them. */
  private static Tensor timeIds(int batch, int pixels) {
    Tensor ids = Tensor.allocate(DType.FLOAT32, batch, 6);
    for (int row = 0; row < batch; row++) {
      ids.rows(row, row + 1).floats().put(new float[] {pixels, pixels, 0, 0, pixels, pixels});
    }
    return ids;
  }

  /** One prompt through every text encoder. */
  @Benchmark
  public List<Tensor> textEncoders() {
    List<Tensor> states = new ArrayList<>();
    for (TextEncoder encoder : model.textEncoders()) {
      states.add(encoder.encode(inputIds, 0, true).hiddenState());
    }
    return states;
  }

  /** One UNet evaluation. */
  @Benchmark
  public Tensor unetStep() {
    return model.unet().predict(unetInput);
  }

  /** One picture through the decoder. */
  @Benchmark
  public Tensor vaeDecode() {
    return model.vaeDecoder().decode(latents);
  }

  /** Frees the networks. */
  @TearDown
  public void close() {
    model.close();
  }
}
