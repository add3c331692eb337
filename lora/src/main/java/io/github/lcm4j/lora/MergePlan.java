package io.github.lcm4j.lora;

import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.safetensors.WeightSource;
import java.io.IOException;
import java.util.ArrayList;
import java.util.EnumMap;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Set;
import java.util.TreeMap;
import java.util.TreeSet;

/** Which weights change and by what, with every key of every file accounted for. */
final class MergePlan {
  /** The reason that is no fault: the user asked for it. */
  private static final String ZERO_WEIGHT = "has weight 0";

  private final Map<String, ModuleTable> tables = new LinkedHashMap<>();
  private final boolean lenient;

  /** Contributions by component and tensor name. */
  private final Map<String, Map<String, List<WeightFolder.Contribution>>> contributions =
      new LinkedHashMap<>();

  private final List<MergeReport.FileReport> reports = new ArrayList<>();

  MergePlan(Map<String, WeightSource> bases, boolean lenient) {
    bases.forEach((component, base) -> tables.put(component, new ModuleTable(component, base)));
    this.lenient = lenient;
  }

  Map<String, Map<String, List<WeightFolder.Contribution>>> contributions() {
    return contributions;
  }

  List<MergeReport.FileReport> reports() {
    return reports;
  }

  /** Adds all changes of one file. */
  void add(LoraSpec spec) throws IOException {
    LoraFile file = LoraFile.open(spec.file());
    Map<String, String> ignored = new TreeMap<>(file.unknownKeys());
    Map<String, Map<String, Map<LoraRole, LoraKey>>> sorted = sort(file, ignored);
    checkBlockWeights(spec, ignored);
    Map<String, Set<String>> changed = new LinkedHashMap<>();
    for (String component : sorted.keySet()) {
      ModuleTable table = tables.get(component);
      for (Map.Entry<String, Map<LoraRole, LoraKey>> entry : sorted.get(component).entrySet()) {
        String module = entry.getKey();
        List<ModuleChanges.Change> changes =
            changesOf(file, table, module, entry.getValue(), ignored);
        float weight = weightOf(spec, component, module);
        if (weight == 0) {
          entry.getValue().values().forEach(key -> ignored.putIfAbsent(key.name(), ZERO_WEIGHT));
        } else if (!changes.isEmpty()) {
          changed.computeIfAbsent(component, name -> new TreeSet<>()).add(module);
          changes.forEach(change -> contribute(component, change, weight, file));
        }
      }
    }
    if (!lenient) {
      refuseUnknown(file, ignored);
    }
    reports.add(new MergeReport.FileReport(spec.file(), changed, ignored));
  }

  private void contribute(
      String component, ModuleChanges.Change change, float weight, LoraFile file) {
    contributions
        .computeIfAbsent(component, name -> new LinkedHashMap<>())
        .computeIfAbsent(change.tensor(), name -> new ArrayList<>())
        .add(
            new WeightFolder.Contribution(
                change.delta(), weight, file, change.key(), reports.size()));
  }

  private List<ModuleChanges.Change> changesOf(
      LoraFile file,
      ModuleTable table,
      String module,
      Map<LoraRole, LoraKey> keys,
      Map<String, String> ignored)
      throws IOException {
    Map<LoraKey, String> unusable = new LinkedHashMap<>();
    try {
      List<ModuleChanges.Change> changes =
          new ModuleChanges(file, table, module, keys).make(unusable);
      unusable.forEach((key, reason) -> ignored.put(key.name(), reason));
      return changes;
    } catch (LoraException e) {
      throw e.withHint(ModelFamily.hint(file, tables));
    }
  }

  private Map<String, Map<String, Map<LoraRole, LoraKey>>> sort(
      LoraFile file, Map<String, String> ignored) throws LoraException {
    Map<String, Map<String, Map<LoraRole, LoraKey>>> sorted = new LinkedHashMap<>();
    for (LoraKey key : file.keys()) {
      ModuleTable table = tables.get(key.component());
      if (table == null) {
        ignored.put(
            key.name(),
            "is for %s, the checkpoint has %s".formatted(key.component(), tables.keySet()));
        continue;
      }
      String module = table.find(key.module());
      if (module == null) {
        ignored.put(
            key.name(),
            "expected a module of the %s in %s, found no module %s there"
                .formatted(key.component(), table.base().description(), key.module()));
        continue;
      }
      LoraKey twin =
          sorted
              .computeIfAbsent(key.component(), name -> new LinkedHashMap<>())
              .computeIfAbsent(module, name -> new EnumMap<>(LoraRole.class))
              .put(key.role(), key);
      if (twin != null) {
        throw new LoraException(
            file.file(),
            key.name(),
            "expected one tensor to be the %s of %s, found %s as well"
                .formatted(key.role().name().toLowerCase(Locale.ROOT), module, twin.name()));
      }
    }
    return sorted;
  }

  private void refuseUnknown(LoraFile file, Map<String, String> ignored) throws LoraException {
    List<Map.Entry<String, String>> unknown =
        ignored.entrySet().stream().filter(entry -> !entry.getValue().equals(ZERO_WEIGHT)).toList();
    if (!unknown.isEmpty()) {
      String more = unknown.size() == 1 ? "" : "; %d more keys".formatted(unknown.size() - 1);
      throw new LoraException(
          file.file(),
          unknown.get(0).getKey(),
          unknown.get(0).getValue()
              + more
              + ModelFamily.hint(file, tables)
              + "; lenient merging would ignore and report this");
    }
  }

  private void checkBlockWeights(LoraSpec spec, Map<String, String> ignored) {
    ModuleTable unet = tables.get("unet");
    for (String block : spec.blockWeights().keySet()) {
      if (unet == null || unet.modules().stream().noneMatch(name -> isIn(block, name))) {
        ignored.put("blockWeights." + block, "is the start of no module path of the unet");
      }
    }
  }

  private static float weightOf(LoraSpec spec, String component, String module) {
    if (!component.equals("unet")) {
      return (float) spec.textEncoderWeight();
    }
    String longest = null;
    for (String block : spec.blockWeights().keySet()) {
      if (isIn(block, module) && (longest == null || block.length() > longest.length())) {
        longest = block;
      }
    }
    double block = longest == null ? 1 : spec.blockWeights().get(longest);
    return (float) (spec.unetWeight() * block);
  }

  private static boolean isIn(String block, String module) {
    return module.startsWith(block)
        && (module.length() == block.length() || module.charAt(block.length()) == '.');
  }
}
