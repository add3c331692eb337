package io.github.lcm4j;

import io.github.lcm4j.spi.DiffusionModel;
import io.github.lcm4j.spi.VaeDecoder;
import io.github.lcm4j.spi.VaeEncoder;
import io.github.lcm4j.tensor.Tensor;
import java.nio.FloatBuffer;
import java.util.Optional;
import java.util.function.Consumer;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;

/**
 * The halves of an autoencoder that run again in float32 where they overflow in half precision.
 * They try half precision each time: whether an earlier picture overflowed must not show in this
 * one.
 */
final class Upcasting {
  private Upcasting() {}

  static VaeDecoder decoder(DiffusionModel model, Consumer<String> notes) {
    VaeDecoder half = model.vaeDecoder();
    return new VaeDecoder() {
      @Override
      public int scaleFactor() {
        return half.scaleFactor();
      }

      @Override
      public Tensor decode(Tensor latents) {
        return run(
            "decoder",
            half::decode,
            () -> model.float32VaeDecoder().map(single -> single::decode),
            latents,
            notes);
      }
    };
  }

  static VaeEncoder encoder(VaeEncoder half, DiffusionModel model, Consumer<String> notes) {
    return image ->
        run(
            "encoder",
            half::encode,
            () -> model.float32VaeEncoder().map(single -> single::encode),
            image,
            notes);
  }

  private static Tensor run(
      String name,
      UnaryOperator<Tensor> half,
      Supplier<Optional<UnaryOperator<Tensor>>> float32,
      Tensor input,
      Consumer<String> notes) {
    Tensor output = half.apply(input);
    if (isFinite(output)) {
      return output;
    }
    UnaryOperator<Tensor> single = float32.get().orElse(null);
    if (single == null) {
      return output; // what this means is said where it is read
    }
    notes.accept(
        "the VAE's %s overflowed in half precision and was run again in float32".formatted(name));
    return single.apply(input);
  }

  static boolean isFinite(Tensor tensor) {
    FloatBuffer values = tensor.floats();
    while (values.hasRemaining()) {
      if (!Float.isFinite(values.get())) {
        return false;
      }
    }
    return true;
  }
}
