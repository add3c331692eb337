package io.github.lcm4j.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OnnxTensorLike;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.github.lcm4j.InferenceException;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.onnx.export.OverriddenGraph;
import io.github.lcm4j.onnx.graph.NetworkGraph;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * A session with the weights it was created from, shared by counting: it is freed when the last of
 * its users releases it. Safe for use by several threads; the last release must come after the last
 * {@link #run} has returned.
 */
final class OrtNetwork implements Network {
  private final String name;
  private final OrtSession session;
  private final List<OnnxTensor> weights;
  private int users = 1;

  private OrtNetwork(String name, OrtSession session, List<OnnxTensor> weights) {
    this.name = name;
    this.session = session;
    this.weights = weights;
  }

  /**
   * Creates a session.
   *
   * @param name what to call the network in messages
   * @param graph the network without its weights
   * @param base the checkpoint's tensors
   * @param changed weights that differ from the checkpoint, float32
   * @return a network with one user
   * @throws CheckpointException if ONNX Runtime refuses the model
   */
  static OrtNetwork create(
      String name,
      NetworkGraph graph,
      WeightSource base,
      Map<String, Tensor> changed,
      OrtRuntime runtime)
      throws IOException {
    NetworkWeights weights = new NetworkWeights(base, changed, runtime);
    try (OrtSession.SessionOptions options = runtime.sessionOptions()) {
      GraphProto.Builder proto = graph.model().getGraph().toBuilder();
      weights.declare(graph.weights(), proto, options);
      byte[] model = graph.model().toBuilder().setGraph(proto).build().toByteArray();
      OrtSession session = runtime.environment().createSession(model, options);
      return new OrtNetwork(name, session, weights.handles());
    } catch (OrtException e) {
      weights.close();
      throw new CheckpointException(
          "%s (%s): ONNX Runtime cannot load the network: %s"
              .formatted(base.description(), name, e.getMessage()),
          e);
    } catch (Throwable e) {
      weights.close();
      throw e;
    }
  }

  /**
   * Creates a session from an ONNX export.
   *
   * @param name what to call the network in messages
   * @param file the export as it is
   * @param overridden the same graph with some weights changed; null for none
   * @return a network with one user
   * @throws CheckpointException if ONNX Runtime refuses the model
   */
  static OrtNetwork open(
      String name, Path file, @Nullable OverriddenGraph overridden, OrtRuntime runtime)
      throws IOException {
    List<OnnxTensor> handles = new ArrayList<>();
    try (OrtSession.SessionOptions options = runtime.sessionOptions()) {
      OrtEnvironment environment = runtime.environment();
      if (overridden == null) {
        OrtSession session = environment.createSession(file.toString(), options);
        return new OrtNetwork(name, session, handles);
      }
      options.addConfigEntry(NetworkWeights.FOLDER_OPTION, overridden.folder().toString());
      Map<String, OnnxTensorLike> copied = new LinkedHashMap<>();
      for (Map.Entry<String, Tensor> entry : overridden.initializers().entrySet()) {
        OnnxTensor tensor = wrap(environment, entry.getValue());
        handles.add(tensor);
        if (runtime.onCpu() && entry.getValue().dtype() == DType.FLOAT32) {
          options.addInitializer(entry.getKey(), tensor);
        } else {
          copied.put(entry.getKey(), tensor);
        }
      }
      if (!copied.isEmpty()) {
        options.addExternalInitializers(copied);
      }
      OrtSession session = environment.createSession(overridden.model(), options);
      return new OrtNetwork(name, session, handles);
    } catch (OrtException e) {
      handles.forEach(OnnxTensor::close);
      throw new CheckpointException(
          "%s: ONNX Runtime cannot load the graph: %s".formatted(file, e.getMessage()), e);
    } catch (Throwable e) {
      handles.forEach(OnnxTensor::close);
      throw e;
    }
  }

  @Override
  public void run(Map<String, Tensor> inputs, Map<String, Tensor> outputs) {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    Map<String, OnnxTensor> given = new HashMap<>();
    Map<String, OnnxTensor> wanted = new HashMap<>();
    try {
      for (Map.Entry<String, Tensor> input : inputs.entrySet()) {
        given.put(input.getKey(), wrap(environment, input.getValue()));
      }
      for (Map.Entry<String, Tensor> output : outputs.entrySet()) {
        wanted.put(output.getKey(), wrap(environment, output.getValue()));
      }
      session.run(given, Set.of(), wanted).close();
    } catch (OrtException e) {
      throw new InferenceException("%s failed: %s".formatted(name, e.getMessage()), e);
    } finally {
      given.values().forEach(OnnxTensor::close);
      wanted.values().forEach(OnnxTensor::close);
    }
  }

  private static OnnxTensor wrap(OrtEnvironment environment, Tensor tensor) throws OrtException {
    return switch (tensor.dtype()) {
      case FLOAT32 -> OnnxTensor.createTensor(environment, tensor.floats(), tensor.shape());
      case INT64 -> OnnxTensor.createTensor(environment, tensor.longs(), tensor.shape());
      case INT32 -> OnnxTensor.createTensor(environment, tensor.ints(), tensor.shape());
      case FLOAT16 ->
          OnnxTensor.createTensor(
              environment, tensor.buffer(), tensor.shape(), OnnxJavaType.FLOAT16);
      case BFLOAT16 ->
          OnnxTensor.createTensor(
              environment, tensor.buffer(), tensor.shape(), OnnxJavaType.BFLOAT16);
    };
  }

  @Override
  public synchronized OrtNetwork retain() {
    if (users == 0) {
      throw new IllegalStateException(name + " is closed");
    }
    users++;
    return this;
  }

  @Override
  public synchronized void release() {
    if (users == 0 || --users > 0) {
      return;
    }
    try {
      session.close();
    } catch (OrtException e) {
      throw new InferenceException(
          "closing the session of %s failed: %s".formatted(name, e.getMessage()), e);
    } finally {
      weights.forEach(OnnxTensor::close);
    }
  }
}
