package io.github.lcm4j.lora;

import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;
import java.util.Set;
import java.util.TreeSet;
import org.jspecify.annotations.Nullable;

/**
 * The weights of one component with LoRAs folded in: tensors that no LoRA touches come straight
 * from the base, those touched lie in memory of their own.
 */
public final class MergedWeights implements WeightSource {
  private final WeightSource base;
  private final Map<String, Tensor> folded;

  MergedWeights(WeightSource base, Map<String, Tensor> folded) {
    this.base = base;
    this.folded = Collections.unmodifiableMap(new LinkedHashMap<>(folded));
  }

  /** The pristine weights underneath. */
  public WeightSource base() {
    return base;
  }

  /** Names of the tensors that differ from the base; empty if no LoRA touches this component. */
  public Set<String> touched() {
    return folded.keySet();
  }

  /** Paths of the modules whose weight or bias differs from the base. */
  public Set<String> touchedModules() {
    Set<String> modules = new TreeSet<>();
    for (String name : folded.keySet()) {
      modules.add(name.substring(0, name.lastIndexOf('.')));
    }
    return modules;
  }

  @Override
  public Set<String> names() {
    return base.names();
  }

  /** {@inheritDoc} The offset of a touched tensor is −1: it lies in no file. */
  @Override
  public TensorInfo info(String name) {
    TensorInfo info = base.info(name);
    @Nullable Tensor tensor = folded.get(name);
    if (tensor == null) {
      return info;
    }
    String type = tensor.dtype() == DType.FLOAT32 ? "F32" : info.type();
    return new TensorInfo(name, type, info.shape(), info.file(), -1, tensor.byteSize());
  }

  @Override
  public Tensor tensor(String name) {
    @Nullable Tensor tensor = folded.get(name);
    return tensor != null ? tensor : base.tensor(name);
  }

  @Override
  public void read(String name, long from, Tensor into) throws IOException {
    if (folded.containsKey(name)) {
      WeightSource.super.read(name, from, into);
    } else {
      base.read(name, from, into);
    }
  }

  @Override
  public boolean contains(String name) {
    return base.contains(name);
  }

  @Override
  public Map<String, String> metadata() {
    return base.metadata();
  }

  @Override
  public String description() {
    return "%s with %d weights changed by LoRA".formatted(base.description(), folded.size());
  }
}
