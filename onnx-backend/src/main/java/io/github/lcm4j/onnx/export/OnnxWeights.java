package io.github.lcm4j.onnx.export;

import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.safetensors.TensorInfo;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import io.github.lcm4j.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.Collections;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.NoSuchElementException;
import java.util.Set;

/**
 * The parameters of an exported network under torch's names and in torch's layout, whatever names
 * and layout the graph gives them. Text encoders' names start with {@code text_model.} as those of
 * published checkpoints do.
 *
 * <p>A tensor has the type it is stored in: half-precision weights behind a Cast are half-precision
 * tensors. It is a view of the mapped file, except that a matrix stored transposed is turned back
 * into new memory each time it is asked for.
 */
public final class OnnxWeights implements WeightSource {
  private final OnnxExport export;
  private final OnnxGraph graph;
  private final Map<String, List<WeightSite>> sites;

  OnnxWeights(OnnxExport export, OnnxGraph graph, Map<String, List<WeightSite>> sites) {
    this.export = export;
    this.graph = graph;
    this.sites = Collections.unmodifiableMap(sites);
  }

  @Override
  public Set<String> names() {
    return sites.keySet();
  }

  /**
   * What a parameter looks like in torch and where its constant lies. The bytes there may be those
   * of the transposed matrix.
   */
  @Override
  public TensorInfo info(String name) {
    WeightSite site = site(name);
    StoredTensor source = site.source();
    DType dtype = source.dtype();
    return new TensorInfo(
        name,
        switch (dtype) {
          case FLOAT32 -> "F32";
          case FLOAT16 -> "F16";
          case BFLOAT16 -> "BF16";
          default -> throw new IllegalStateException(name + " is not of floating-point numbers");
        },
        site.torchShape(),
        source.file(),
        source.offset(),
        source.elementCount() * dtype.byteSize());
  }

  @Override
  public Tensor tensor(String name) {
    return site(name).read();
  }

  @Override
  public Map<String, String> metadata() {
    return Map.of();
  }

  @Override
  public String description() {
    return export.file().toString();
  }

  /**
   * The graph with other values for some parameters.
   *
   * <p>The graph is light: what stays as it is refers to its bytes in the export's files. A
   * parameter that shares its constant with another, or lies in a Constant node, gets an
   * initializer of its own. Half-precision weights that the graph casts are given in the type they
   * are cast to, so nothing is rounded and no Cast is left to fold.
   *
   * @param changed new values by torch name, in torch's layout and any floating-point type
   * @return the graph and the initializers it is to run with
   * @throws NoSuchElementException if there is no such parameter; the message names the file
   * @throws IllegalArgumentException if a shape is not the parameter's
   * @throws CheckpointException if the graph casts a parameter to a type lcm4j does not compute
   *     with, or its files lie on different drives
   * @throws IOException if a file of the export is no longer there
   */
  public OverriddenGraph override(Map<String, Tensor> changed) throws IOException {
    GraphRewriter rewriter = new GraphRewriter(graph, GraphRewriter.Purpose.SESSION);
    for (Map.Entry<String, Tensor> entry : changed.entrySet()) {
      String name = entry.getKey();
      long[] expected = site(name).torchShape();
      if (!Arrays.equals(expected, entry.getValue().shape())) {
        throw new IllegalArgumentException(
            "%s: %s has shape %s, the tensor given has %s"
                .formatted(
                    export.file(),
                    name,
                    Arrays.toString(expected),
                    Arrays.toString(entry.getValue().shape())));
      }
      rewriter.replace(name, sites.get(name), entry::getValue);
    }
    return rewriter.override();
  }

  /** New values of parameters, asked for one at a time. */
  public interface Values {
    /**
     * A parameter's value, in torch's layout and shape and any floating-point type.
     *
     * @throws IOException if it cannot be had
     */
    Tensor get(String name) throws IOException;
  }

  /**
   * The graph with other values for some parameters, to be written to files.
   *
   * <p>The graph stays as it is, and so do the types and layouts that parameters are stored in. A
   * parameter that shares its constant with another gets an initializer of its own, and a changed
   * or larger Constant node becomes an initializer.
   *
   * @param changed torch names of the parameters
   * @param values their values; small ones are asked for at once, the others when they are written
   * @return the graph and the contents of its larger constants
   * @throws NoSuchElementException if there is no such parameter; the message names the file
   * @throws IOException if a file of the export is no longer there, or a value cannot be had
   */
  public DetachedGraph rewrite(Set<String> changed, Values values) throws IOException {
    GraphRewriter rewriter = new GraphRewriter(graph, GraphRewriter.Purpose.FILES);
    for (String name : changed) {
      site(name); // it must be there
      rewriter.replace(name, sites.get(name), () -> values.get(name));
    }
    return rewriter.detach();
  }

  /** The files the graph and its constants lie in. */
  @Override
  public Set<Path> files() {
    Set<Path> files = new LinkedHashSet<>(Set.of(graph.path()));
    graph.file().constants().values().forEach(constant -> files.add(constant.file()));
    return files;
  }

  private WeightSite site(String name) {
    List<WeightSite> found = sites.get(name);
    if (found == null) {
      throw new NoSuchElementException(export.file() + " has no parameter " + name);
    }
    return found.get(0);
  }
}
