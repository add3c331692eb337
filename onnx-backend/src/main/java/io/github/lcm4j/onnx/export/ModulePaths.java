package io.github.lcm4j.onnx.export;

import ai.onnx.proto.OnnxMl.NodeProto;
import ai.onnx.proto.OnnxMl.StringStringEntryProto;
import io.github.lcm4j.tensor.Tensor;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * Reads modules' paths from what the exporters write into a graph. A node's scope (its name in the
 * older exporter of PyTorch, its metadata in the newer one) is trusted before the name of the
 * parameter, which may be that of another parameter with equal contents.
 */
final class ModulePaths {
  private static final Pattern QUOTED = Pattern.compile("'([^']*)'");

  private final OnnxGraph graph;
  private final OnnxComponent component;

  private ModulePaths(OnnxGraph graph, OnnxComponent component) {
    this.graph = graph;
    this.component = component;
  }

  /** The paths that names tell for sure; modules they leave open are missing. */
  static Map<GraphModule, String> read(
      OnnxGraph graph, OnnxComponent component, List<GraphModule> modules) {
    return new ModulePaths(graph, component).read(modules);
  }

  private Map<GraphModule, String> read(List<GraphModule> modules) {
    Map<String, Integer> users = new HashMap<>();
    for (GraphModule module : modules) {
      users.merge(module.weight().source().name(), 1, Integer::sum);
      if (module.bias() != null) {
        users.merge(module.bias().source().name(), 1, Integer::sum);
      }
    }
    Map<String, List<GraphModule>> claims = new LinkedHashMap<>();
    for (GraphModule module : modules) {
      String path = scope(module);
      if (path == null && users.get(module.weight().source().name()) == 1) {
        path = parameterOwner(module.weight(), ".weight");
      }
      if (path == null && module.bias() != null && users.get(module.bias().source().name()) == 1) {
        path = parameterOwner(module.bias(), ".bias");
      }
      if (path != null) {
        claims.computeIfAbsent(path, key -> new ArrayList<>()).add(module);
      }
    }
    Map<GraphModule, String> paths = new HashMap<>();
    claims.forEach(
        (path, claimants) -> {
          if (claimants.stream().allMatch(module -> isSame(module, claimants.get(0)))) {
            claimants.forEach(module -> paths.put(module, path));
          }
        });
    return paths;
  }

  /** Whether two modules are one that is applied twice: same kind, same values. */
  private static boolean isSame(GraphModule one, GraphModule other) {
    return one == other
        || (one.kind() == other.kind()
            && isSame(one.weight(), other.weight())
            && isSame(one.bias(), other.bias()));
  }

  private static boolean isSame(@Nullable WeightSite one, @Nullable WeightSite other) {
    if (one == null || other == null) {
      return one == other;
    }
    if (one.source() == other.source()) {
      return one.storedTransposed() == other.storedTransposed();
    }
    Tensor values = one.read();
    Tensor others = other.read();
    return values.dtype() == others.dtype() && values.buffer().equals(others.buffer());
  }

  private @Nullable String scope(GraphModule module) {
    String path = scope(module.node());
    return path == null && module.bias() != null ? scope(module.bias().node()) : path;
  }

  private @Nullable String scope(int node) {
    NodeProto proto = graph.node(node);
    for (StringStringEntryProto entry : proto.getMetadataPropsList()) {
      String path =
          switch (entry.getKey()) {
            case "pkg.torch.onnx.name_scopes" -> nameScope(entry.getValue());
            case "namespace" -> namespace(entry.getValue());
            default -> null;
          };
      if (path != null) {
        return path;
      }
    }
    return nodeName(proto.getName());
  }

  /** {@code ['', 'unet', 'unet.conv_in', 'conv2d']}: modules outside in, then the operation. */
  private @Nullable String nameScope(String scopes) {
    String module = null;
    String operation = null;
    Matcher matcher = QUOTED.matcher(scopes);
    while (matcher.find()) {
      module = operation;
      operation = matcher.group(1);
    }
    return module == null ? null : component.modulePath(module);
  }

  /** {@code : Wrapper/unet: UNet2DConditionModel/unet.conv_in: Conv2d/conv2d: aten.conv2d}. */
  private @Nullable String namespace(String namespace) {
    String[] scopes = namespace.split("/");
    return scopes.length < 2
        ? null
        : component.modulePath(scopes[scopes.length - 2].split(":")[0].strip());
  }

  /**
   * {@code /down_blocks.0/resnets.0/conv1/Conv}: each module below the one before, then the
   * operator.
   */
  private @Nullable String nodeName(String name) {
    List<String> scopes = List.of(name.split("/"));
    StringBuilder path = new StringBuilder();
    String above = "";
    for (String scope : scopes.subList(0, Math.max(0, scopes.size() - 1))) {
      if (scope.startsWith(above + ".") && !above.isEmpty()) {
        // A container that is itself called is named again by its parts: /layers/layers.0/
        path.setLength(path.length() - above.length());
      } else if (!path.isEmpty()) {
        path.append('.');
      }
      path.append(scope);
      above = scope;
    }
    return path.isEmpty() ? null : component.modulePath(path.toString());
  }

  /** The module of a parameter's name, the name nearest to the node first. */
  private @Nullable String parameterOwner(WeightSite site, String suffix) {
    List<String> values = site.path().values();
    for (int index = values.size() - 1; index >= 0; index--) {
      String name = values.get(index);
      if (name.endsWith(suffix)) {
        String path = component.modulePath(name.substring(0, name.length() - suffix.length()));
        if (path != null) {
          return path;
        }
      }
    }
    return null;
  }
}
