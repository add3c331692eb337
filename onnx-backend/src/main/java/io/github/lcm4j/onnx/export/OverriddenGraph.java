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
 *   <li>{@code SessionOptions.addExternalInitializers}: right with every optimisation, but ORT
 *       holds copies;
 *   <li>{@code SessionOptions.addInitializer}: without copies, but only with the option {@code
 *       optimization.disable_specified_optimizers} at {@code NchwcTransformer}. That optimizer
 *       reorders convolutions' weights as the model declares them, not as they are handed over.
 * </ul>
 *
 * The declared contents of a changed parameter cannot be read, so an optimizer that asks for them
 * fails; it cannot quietly compute with the old weights.
 *
 * @param model the serialized {@code ModelProto}; small, since all larger constants are references
 *     to files
 * @param initializers the changed parameters by initializer name, in the graph's layout and type
 * @param folder folder that the references to files start from
 */
public record OverriddenGraph(byte[] model, Map<String, Tensor> initializers, Path folder) {
  /** Copies the map. */
  public OverriddenGraph {
    initializers = Collections.unmodifiableMap(new LinkedHashMap<>(initializers));
  }
}
