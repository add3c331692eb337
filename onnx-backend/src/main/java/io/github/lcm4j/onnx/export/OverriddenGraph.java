package io.github.lcm4j.onnx.export;

import io.github.lcm4j.tensor.Tensor;
import java.nio.file.Path;
import java.util.Collections;
import java.util.LinkedHashMap;
import java.util.Map;

/**
 * A graph whose changed parameters are given beside it.
 *
 * <p>To run it, set ORT's option {@code session.model_external_initializers_file_folder_path} to
 * the folder and hand over the initializers in one of two ways:
 *
 * <ul>
 *   <li>{@code SessionOptions.addExternalInitializers} is right with every optimisation, provider
 *       and type, but ORT copies what it is handed;
 *   <li>{@code SessionOptions.addInitializer} copies nothing, but is for float32 initializers on
 *       the CPU at optimisation level {@code EXTENDED_OPT} or below: beyond, and for half-precision
 *       arithmetic that the CPU lacks, ORT rewrites weights as the model declares them.
 * </ul>
 *
 * <p>The declared contents of a changed parameter cannot be read, so a session with an optimisation
 * that asks for them is refused; it cannot quietly compute with the old weights.
 *
 * @param model the serialized {@code ModelProto}; small, since all larger constants are references
 *     to files
 * @param initializers the larger changed parameters by initializer name, in the graph's layout and
 *     type; those up to 1 KiB are in the model. They must outlive the session
 * @param folder folder that the references to files start from
 */
public record OverriddenGraph(byte[] model, Map<String, Tensor> initializers, Path folder) {
  /** Copies the map. */
  public OverriddenGraph {
    initializers = Collections.unmodifiableMap(new LinkedHashMap<>(initializers));
  }
}
