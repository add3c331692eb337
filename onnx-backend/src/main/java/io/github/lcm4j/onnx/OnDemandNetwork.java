package io.github.lcm4j.onnx;

import io.github.lcm4j.InferenceException;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.Map;
import org.jspecify.annotations.Nullable;

/**
 * A network that is in memory for a single run only, or from the first run on while somebody
 * {@linkplain #hold() holds} it. Safe for use by several threads.
 */
final class OnDemandNetwork implements Network {
  private final String name;
  private final NetworkPool.Creation creation;
  private final boolean hasOwnWeights;
  private @Nullable Network loaded;
  private int holders;

  /**
   * A network that is not loaded yet.
   *
   * @param name what to call it in messages
   * @param creation loads it
   * @param hasOwnWeights whether weights of it lie in memory of ours
   */
  OnDemandNetwork(String name, NetworkPool.Creation creation, boolean hasOwnWeights) {
    this.name = name;
    this.creation = creation;
    this.hasOwnWeights = hasOwnWeights;
  }

  /** Keeps the network until {@link #letGo}, once a run has loaded it. */
  synchronized void hold() {
    holders++;
  }

  private synchronized Network load() {
    Network network = loaded;
    if (network == null) {
      try {
        network = creation.create();
      } catch (IOException e) {
        throw new InferenceException("%s cannot be loaded: %s".formatted(name, e.getMessage()), e);
      }
      loaded = network;
    }
    return network;
  }

  /** Ends one {@link #hold}; the last one frees the network. */
  synchronized void letGo() {
    if (--holders == 0 && loaded != null) {
      loaded.release();
      loaded = null;
      if (hasOwnWeights) {
        System.gc(); // nothing else frees direct memory before it runs out
      }
    }
  }

  synchronized boolean isLoaded() {
    return loaded != null;
  }

  @Override
  public void run(Map<String, Tensor> inputs, Map<String, Tensor> outputs, boolean last) {
    hold();
    try {
      load().run(inputs, outputs, last);
    } finally {
      letGo();
    }
  }

  /** Users do not matter: nothing is held for them. */
  @Override
  public Network retain() {
    return this;
  }

  @Override
  public void release() {}
}
