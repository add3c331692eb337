package io.github.lcm4j.onnx;

import ai.onnx.proto.OnnxMl.GraphProto;
import ai.onnxruntime.OnnxJavaType;
import ai.onnxruntime.OnnxTensor;
import ai.onnxruntime.OrtEnvironment;
import ai.onnxruntime.OrtException;
import ai.onnxruntime.OrtSession;
import io.github.lcm4j.InferenceException;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.onnx.export.OverriddenGraph;
import io.github.lcm4j.onnx.graph.NetworkGraph;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.Tensor;
import io.github.lcm4j.tensor.TensorArena;
import java.io.IOException;
import java.nio.file.Path;
import java.util.HashMap;
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
  private final Initializers weights;
  private final boolean onCpu;
  private int users = 1;

  private OrtNetwork(String name, OrtSession session, Initializers weights, boolean onCpu) {
    this.name = name;
    this.onCpu = onCpu;
    this.session = session;
    this.weights = weights;
  }

  /**
   * Creates a session.
   *
   * @param name what to call the network in messages
   * @param graph the network without its weights
   * @param base the checkpoint's tensors
   * @param changed weights that differ from the checkpoint, float32; cast to what the graph takes
   * @return a network with one user
   * @throws CheckpointException if ONNX Runtime refuses the model
   */
  static OrtNetwork create(
      String name,
      NetworkGraph graph,
      WeightSource base,
      ChangedWeights changed,
      OrtRuntime runtime)
      throws IOException {
    return start(
        name,
        base.description(),
        runtime,
        (options, weights) -> {
          GraphProto.Builder proto = graph.model().getGraph().toBuilder();
          new NetworkWeights(base, changed, graph.type(), weights).declare(graph, proto, options);
          weights.giveTo(options);
          byte[] model = graph.model().toBuilder().setGraph(proto).build().toByteArray();
          return runtime.environment().createSession(model, options);
        });
  }

  /**
   * Creates a session from an ONNX export.
   *
   * @param name what to call the network in messages
   * @param file the export as it is
   * @param override what changes its weights
   * @return a network with one user
   * @throws CheckpointException if ONNX Runtime refuses the model
   */
  static OrtNetwork open(String name, Path file, Overriding override, OrtRuntime runtime)
      throws IOException {
    return start(
        name,
        file.toString(),
        runtime,
        (options, weights) -> {
          OverriddenGraph overridden = override.graph(weights.arena());
          if (overridden == null) {
            return runtime.environment().createSession(file.toString(), options);
          }
          options.addConfigEntry(NetworkWeights.FOLDER_OPTION, overridden.folder().toString());
          for (Map.Entry<String, Tensor> entry : overridden.initializers().entrySet()) {
            weights.add(entry.getKey(), entry.getValue());
          }
          weights.giveTo(options);
          return runtime.environment().createSession(overridden.model(), options);
        });
  }

  /** Changes an export's weights before its session is created. */
  interface Overriding {
    /** Changes none. */
    Overriding NONE = arena -> null;

    /**
     * The changed graph, or null for the export as it is.
     *
     * @param arena memory that lives as long as the session
     */
    @Nullable OverriddenGraph graph(TensorArena arena) throws IOException;
  }

  private interface Start {
    OrtSession session(OrtSession.SessionOptions options, Initializers weights)
        throws OrtException, IOException;
  }

  /** Whatever goes wrong, the memory is let go. */
  private static OrtNetwork start(String name, String source, OrtRuntime runtime, Start start)
      throws IOException {
    Initializers weights = new Initializers(runtime);
    try (OrtSession.SessionOptions options = runtime.sessionOptions()) {
      return new OrtNetwork(name, start.session(options, weights), weights, runtime.onCpu());
    } catch (OrtException e) {
      weights.close();
      throw new CheckpointException(
          "%s (%s): ONNX Runtime cannot load the network: %s"
              .formatted(source, name, e.getMessage()),
          e);
    } catch (Throwable e) {
      weights.close();
      throw e;
    }
  }

  @Override
  public void run(Map<String, Tensor> inputs, Map<String, Tensor> outputs, boolean last) {
    OrtEnvironment environment = OrtEnvironment.getEnvironment();
    Map<String, OnnxTensor> given = new HashMap<>();
    Map<String, OnnxTensor> wanted = new HashMap<>();
    try (OrtSession.RunOptions options = new OrtSession.RunOptions()) {
      if (last && onCpu) {
        options.addRunConfigEntry("memory.enable_memory_arena_shrinkage", "cpu:0");
      }
      for (Map.Entry<String, Tensor> input : inputs.entrySet()) {
        given.put(input.getKey(), wrap(environment, input.getValue()));
      }
      for (Map.Entry<String, Tensor> output : outputs.entrySet()) {
        wanted.put(output.getKey(), wrap(environment, output.getValue()));
      }
      session.run(given, Set.of(), wanted, options).close();
    } catch (OrtException e) {
      throw new InferenceException("%s failed: %s".formatted(name, e.getMessage()), e);
    } finally {
      given.values().forEach(OnnxTensor::close);
      wanted.values().forEach(OnnxTensor::close);
    }
  }

  /** A view of a tensor for the runtime; nothing is copied. */
  static OnnxTensor wrap(OrtEnvironment environment, Tensor tensor) throws OrtException {
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
      weights.close();
    }
  }
}
