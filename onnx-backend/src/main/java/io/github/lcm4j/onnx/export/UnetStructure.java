package io.github.lcm4j.onnx.export;

import io.github.lcm4j.onnx.export.GraphModule.Kind;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.HashMap;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * Names the modules of a UNet2DConditionModel by how they are joined, without its configuration.
 *
 * <p>A resnet is known by the timestep's projection that joins it, a transformer by the group norm
 * it starts with, and the rest is between them: kernels that halve or double the picture part the
 * blocks, and the number of skip connections tells how many resnets the last down block has.
 */
final class UnetStructure {
  /** A step of the picture's way through the network. */
  private record Unit(Type type, GraphModule first, Map<String, GraphModule> parts) {
    enum Type {
      RESNET,
      TRANSFORMER,
      DOWNSAMPLER,
      UPSAMPLER
    }
  }

  private final OnnxGraph graph;
  private final DataFlow flow;
  private final UnetPorts ports;
  private final Map<GraphModule, String> paths = new HashMap<>();
  private final Set<GraphModule> placed = new HashSet<>();
  private final List<Unit> units = new ArrayList<>();

  private UnetStructure(OnnxGraph graph, DataFlow flow, UnetPorts ports) {
    this.graph = graph;
    this.flow = flow;
    this.ports = ports;
  }

  static Map<GraphModule, String> paths(OnnxGraph graph, DataFlow flow, UnetPorts ports)
      throws StructureException {
    UnetStructure structure = new UnetStructure(graph, flow, ports);
    structure.embeddings();
    structure.resnets();
    structure.ends();
    structure.transformers();
    structure.samplers();
    structure.blocks();
    return structure.paths;
  }

  private void embeddings() throws StructureException {
    GraphModule time = null;
    GraphModule text = null;
    for (GraphModule module : flow.modules()) {
      Set<String> inputs = flow.inputs(module);
      if (!module.is(Kind.LINEAR) || followsSample(module)) {
        continue;
      }
      if (inputs.contains(ports.timestep().name())) {
        time = module;
      } else if (inputs.contains(name(ports.timeIds())) && flow.feeders(module).isEmpty()) {
        text = module;
      } else if (inputs.contains(name(ports.timestepCond()))) {
        place(module, "time_embedding.cond_proj");
      }
    }
    if (time == null) {
      throw new StructureException("expected time_embedding.linear_1 behind the timestep");
    }
    place(time, "time_embedding.linear_1");
    place(one(Kind.LINEAR, Set.of(time), "time_embedding.linear_2"), "time_embedding.linear_2");
    if (text != null) {
      place(text, "add_embedding.linear_1");
      place(one(Kind.LINEAR, Set.of(text), "add_embedding.linear_2"), "add_embedding.linear_2");
    }
  }

  private void resnets() throws StructureException {
    for (GraphModule norm2 : flow.modules()) {
      if (!norm2.is(Kind.GROUP_NORM) || flow.feeders(norm2).size() != 2) {
        continue;
      }
      GraphModule convolution = null;
      GraphModule timestep = null;
      for (GraphModule feeder : flow.feeders(norm2)) {
        if (feeder.is(Kind.CONVOLUTION)) {
          convolution = feeder;
        } else if (feeder.is(Kind.LINEAR) && !followsSample(feeder)) {
          timestep = feeder;
        }
      }
      if (convolution == null || timestep == null || flow.feeders(convolution).size() != 1) {
        continue;
      }
      GraphModule norm1 = flow.feeders(convolution).iterator().next();
      Map<String, GraphModule> parts = new HashMap<>();
      parts.put("norm1", norm1);
      parts.put("conv1", convolution);
      parts.put("time_emb_proj", timestep);
      parts.put("norm2", norm2);
      parts.put("conv2", one(Kind.CONVOLUTION, Set.of(norm2), "a resnet's conv2"));
      for (GraphModule shortcut : flow.fedBy(Kind.CONVOLUTION, flow.feeders(norm1))) {
        if (isPointwise(shortcut)) {
          parts.put("conv_shortcut", shortcut);
        }
      }
      unit(Unit.Type.RESNET, norm1, parts);
    }
  }

  private void ends() throws StructureException {
    GraphModule last = single(flow.feed(ports.output().name()).modules());
    for (GraphModule module : flow.modules()) {
      if (!module.is(Kind.CONVOLUTION) || placed.contains(module)) {
        continue;
      }
      if (flow.feeders(module).isEmpty()) {
        place(module, "conv_in");
      } else if (module.equals(last)) {
        place(module, "conv_out");
        GraphModule norm = single(flow.feeders(module));
        if (norm != null && norm.is(Kind.GROUP_NORM)) {
          place(norm, "conv_norm_out");
        }
      }
    }
    for (String end : List.of("conv_in", "conv_out")) {
      if (!paths.containsValue(end)) {
        throw new StructureException("expected " + end + ", found none");
      }
    }
  }

  private void transformers() throws StructureException {
    for (GraphModule norm : flow.modules()) {
      if (!norm.is(Kind.GROUP_NORM) || placed.contains(norm)) {
        continue;
      }
      GraphModule projection = either(Set.of(norm), "a transformer's proj_in");
      Map<String, GraphModule> parts = new HashMap<>();
      parts.put("norm", norm);
      parts.put("proj_in", projection);
      Set<GraphModule> sum = new HashSet<>(Set.of(projection));
      int block = 0;
      while (!flow.fedBy(Kind.LAYER_NORM, sum).isEmpty()) {
        transformerBlock("transformer_blocks." + block++ + ".", sum, parts);
      }
      parts.put("proj_out", either(sum, "a transformer's proj_out"));
      unit(Unit.Type.TRANSFORMER, norm, parts);
    }
  }

  /** Attention, attention and a two-layer network, each added to the running sum. */
  private void transformerBlock(String prefix, Set<GraphModule> sum, Map<String, GraphModule> parts)
      throws StructureException {
    for (int step = 1; step <= 3; step++) {
      GraphModule norm = one(Kind.LAYER_NORM, sum, prefix + "norm" + step);
      parts.put(prefix + "norm" + step, norm);
      if (step == 3) {
        GraphModule first = one(Kind.LINEAR, Set.of(norm), prefix + "ff.net.0.proj");
        GraphModule second = one(Kind.LINEAR, Set.of(first), prefix + "ff.net.2");
        parts.put(prefix + "ff.net.0.proj", first);
        parts.put(prefix + "ff.net.2", second);
        sum.add(second);
        return;
      }
      String attention = prefix + "attn" + step;
      GraphModule out = attentionOutput(attention, flow.fedBy(Kind.LINEAR, Set.of(norm)));
      Attention projections = Attention.before(graph, flow, out);
      if (projections == null) {
        throw new StructureException(attention + ": query, key and value cannot be told apart");
      }
      parts.put(attention + ".to_q", projections.query());
      parts.put(attention + ".to_k", projections.key());
      parts.put(attention + ".to_v", projections.value());
      parts.put(attention + ".to_out.0", out);
      sum.add(out);
    }
  }

  /** The projection fed by three others, among them those that take the norm's result. */
  private GraphModule attentionOutput(String attention, List<GraphModule> projections)
      throws StructureException {
    for (GraphModule module : flow.modules()) {
      Set<GraphModule> feeders = flow.feeders(module);
      if (module.is(Kind.LINEAR)
          && feeders.size() == 3
          && !projections.isEmpty()
          && feeders.containsAll(projections)) {
        return module;
      }
    }
    throw new StructureException(
        attention + ".to_out.0: expected one product fed by query, key and value, found none");
  }

  private void samplers() {
    for (GraphModule module : flow.modules()) {
      if (module.is(Kind.CONVOLUTION) && !placed.contains(module)) {
        long[] strides = graph.intsAttribute(module.node(), "strides");
        boolean down = strides.length > 0 && strides[0] == 2;
        unit(
            down ? Unit.Type.DOWNSAMPLER : Unit.Type.UPSAMPLER,
            module,
            Map.of((down ? "downsamplers" : "upsamplers") + ".0.conv", module));
      }
    }
    units.sort(Comparator.comparingInt(unit -> unit.first().node()));
  }

  /** Deals the units out to the blocks. */
  private void blocks() throws StructureException {
    int firstUp = 0;
    while (firstUp < units.size() && !joinsSkip(units.get(firstUp))) {
      firstUp++;
    }
    List<List<Unit>> down = split(units.subList(0, firstUp), Unit.Type.DOWNSAMPLER);
    List<List<Unit>> up = split(units.subList(firstUp, units.size()), Unit.Type.UPSAMPLER);
    if (down.size() != up.size()) {
      throw new StructureException(
          "expected as many down as up blocks, found %d and %d".formatted(down.size(), up.size()));
    }
    // Every up resnet takes one skip: of conv_in, of every down resnet and of every downsampler.
    List<Unit> rest = down.remove(down.size() - 1);
    int skips = 1;
    for (List<Unit> block : down) {
      skips += resnets(block) + 1;
    }
    int last = up.stream().mapToInt(UnetStructure::resnets).sum() - skips;
    if (last < 0 || last > resnets(rest)) {
      throw new StructureException(
          "expected as many up resnets as skip connections, found %d more".formatted(last));
    }
    int middle = 0;
    for (int seen = 0; middle < rest.size(); middle++) {
      if (rest.get(middle).type() == Unit.Type.RESNET && seen++ == last) {
        break;
      }
    }
    down.add(rest.subList(0, middle));
    block("mid_block.", rest.subList(middle, rest.size()));
    for (int index = 0; index < down.size(); index++) {
      block("down_blocks." + index + ".", down.get(index));
      block("up_blocks." + index + ".", up.get(index));
    }
  }

  private void block(String prefix, List<Unit> block) {
    int resnets = 0;
    int transformers = 0;
    for (Unit unit : block) {
      String path =
          switch (unit.type()) {
            case RESNET -> prefix + "resnets." + resnets++ + ".";
            case TRANSFORMER -> prefix + "attentions." + transformers++ + ".";
            case DOWNSAMPLER, UPSAMPLER -> prefix;
          };
      unit.parts().forEach((name, module) -> paths.put(module, path + name));
    }
  }

  private static List<List<Unit>> split(List<Unit> units, Unit.Type last) {
    List<List<Unit>> blocks = new ArrayList<>();
    List<Unit> block = new ArrayList<>();
    for (Unit unit : units) {
      block.add(unit);
      if (unit.type() == last) {
        blocks.add(block);
        block = new ArrayList<>();
      }
    }
    blocks.add(block);
    return blocks;
  }

  private static int resnets(List<Unit> block) {
    return (int) block.stream().filter(unit -> unit.type() == Unit.Type.RESNET).count();
  }

  private boolean joinsSkip(Unit unit) {
    return unit.type() == Unit.Type.RESNET && graph.is(flow.maker(unit.first().input()), "Concat");
  }

  private void unit(Unit.Type type, GraphModule first, Map<String, GraphModule> parts) {
    units.add(new Unit(type, first, parts));
    placed.addAll(parts.values());
  }

  private void place(GraphModule module, String path) {
    paths.put(module, path);
    placed.add(module);
  }

  private boolean followsSample(GraphModule module) {
    return flow.dependsOn(module, ports.sample().name());
  }

  private boolean isPointwise(GraphModule module) {
    long[] shape = module.weight().torchShape();
    return shape[shape.length - 1] == 1 && shape[shape.length - 2] == 1;
  }

  private GraphModule one(Kind kind, Set<GraphModule> feeders, String path)
      throws StructureException {
    List<GraphModule> found = flow.fedBy(kind, feeders);
    if (found.size() != 1) {
      throw new StructureException(
          "%s: expected one such module, found %d".formatted(path, found.size()));
    }
    return found.get(0);
  }

  /** The one Linear or pointwise convolution fed by these; proj_in and proj_out may be either. */
  private GraphModule either(Set<GraphModule> feeders, String path) throws StructureException {
    List<GraphModule> found = new ArrayList<>(flow.fedBy(Kind.LINEAR, feeders));
    found.addAll(flow.fedBy(Kind.CONVOLUTION, feeders));
    if (found.size() != 1) {
      throw new StructureException(
          "%s: expected one such module, found %d".formatted(path, found.size()));
    }
    return found.get(0);
  }

  private static @Nullable GraphModule single(Set<GraphModule> modules) {
    return modules.size() == 1 ? modules.iterator().next() : null;
  }

  private static String name(@Nullable Port port) {
    return port == null ? "" : port.name();
  }
}
