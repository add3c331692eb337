package io.github.lcm4j.lora;

import java.io.IOException;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Objects;
import org.jspecify.annotations.Nullable;

/**
 * Makes the changes of one module out of the keys a file has for it, and checks that they are
 * complete and fit the module's weight. Only shapes are looked at here, no numbers but alpha.
 */
final class ModuleChanges {
  private static final List<LoraRole> HADA =
      List.of(LoraRole.HADA_W1_A, LoraRole.HADA_W1_B, LoraRole.HADA_W2_A, LoraRole.HADA_W2_B);

  private final LoraFile file;
  private final ModuleTable table;
  private final String module;
  private final Map<LoraRole, LoraKey> keys;
  private final List<Change> changes = new ArrayList<>();

  /**
   * A change of one tensor of the checkpoint.
   *
   * @param tensor the tensor's name there
   * @param delta the change
   * @param key a key it is made of, for messages
   */
  record Change(String tensor, WeightDelta delta, LoraKey key) {}

  ModuleChanges(LoraFile file, ModuleTable table, String module, Map<LoraRole, LoraKey> keys) {
    this.file = file;
    this.table = table;
    this.module = module;
    this.keys = keys;
  }

  /**
   * The changes.
   *
   * @param unusable receives keys for which the module has no tensor, with the reason
   * @throws LoraException if a part is missing or does not fit
   * @throws IOException if the file cannot be read
   */
  List<Change> make(Map<LoraKey, String> unusable) throws IOException {
    String weight = module + ".weight";
    String bias = module + ".bias";
    boolean low = has(LoraRole.UP, LoraRole.DOWN, LoraRole.MID, LoraRole.UP_BIAS);
    boolean hada = keys.keySet().stream().anyMatch(role -> role.name().startsWith("HADA"));
    boolean lokr = keys.keySet().stream().anyMatch(role -> role.name().startsWith("LOKR"));
    if (low) {
      need(LoraRole.UP);
      need(LoraRole.DOWN);
    }
    if (!table.base().contains(weight)) {
      keys.forEach(
          (role, key) -> {
            if (role != LoraRole.DIFF_BIAS && role != LoraRole.UP_BIAS) {
              unusable.put(key, missing(weight));
            }
          });
    } else {
      long[] shape = table.base().info(weight).shape();
      if (low) {
        addChange(weight, shape, lora(shape), need(LoraRole.UP).key());
      }
      if (hada) {
        addChange(weight, shape, loha(shape), need(LoraRole.HADA_W1_A).key());
      }
      if (lokr) {
        addChange(weight, shape, lokr(shape), lokrKey());
      }
      Factor magnitude = factor(LoraRole.MAGNITUDE);
      if (magnitude != null && changes.size() != 1) {
        throw magnitude.fault(
            "expected one low-rank change beside the magnitude, found " + changes.size());
      }
      addWhole(LoraRole.DIFF, weight, 1, unusable);
    }
    addWhole(LoraRole.DIFF_BIAS, bias, 1, unusable);
    if (keys.containsKey(LoraRole.UP_BIAS)) {
      addWhole(LoraRole.UP_BIAS, bias, scale(need(LoraRole.DOWN).rows()), unusable);
    }
    LoraKey alpha = keys.get(LoraRole.ALPHA);
    if (alpha != null && keys.size() == 1) {
      unusable.put(alpha, "has no weights beside it to scale");
    }
    return changes;
  }

  private void addChange(String tensor, long[] shape, WeightDelta delta, LoraKey key)
      throws IOException {
    Factor magnitude = factor(LoraRole.MAGNITUDE);
    changes.add(new Change(tensor, magnitude == null ? delta : dora(delta, magnitude, shape), key));
  }

  private LowRankDelta lora(long[] shape) throws IOException {
    Factor up = need(LoraRole.UP);
    Factor down = need(LoraRole.DOWN);
    LowRank product = new LowRank(up, false, factor(LoraRole.MID), down);
    check(product, shape);
    return new LowRankDelta(product, scale(product.rank()));
  }

  private HadamardDelta loha(long[] shape) throws IOException {
    Factor core1 = factor(LoraRole.HADA_T1);
    Factor core2 = factor(LoraRole.HADA_T2);
    if ((core1 == null) != (core2 == null)) {
      need(LoraRole.HADA_T1, LoraRole.HADA_T2);
    }
    LowRank first =
        new LowRank(need(LoraRole.HADA_W1_A), core1 != null, core1, need(LoraRole.HADA_W1_B));
    LowRank second =
        new LowRank(need(LoraRole.HADA_W2_A), core2 != null, core2, need(LoraRole.HADA_W2_B));
    check(first, shape);
    check(second, shape);
    return new HadamardDelta(first, second, scale(first.rank()));
  }

  private KroneckerDelta lokr(long[] shape) throws IOException {
    KroneckerDelta.Part first =
        part(LoraRole.LOKR_W1, LoraRole.LOKR_W1_A, LoraRole.LOKR_W1_B, null);
    KroneckerDelta.Part second =
        part(LoraRole.LOKR_W2, LoraRole.LOKR_W2_A, LoraRole.LOKR_W2_B, LoraRole.LOKR_T2);
    long rows = (long) first.rows() * second.rows();
    long columns = (long) first.columns() * second.columns();
    if (rows != shape[0] || columns != area(shape)) {
      throw new LoraException(
          file.file(),
          lokrKey().name(),
          "expected factors whose Kronecker product has the shape of %s.weight, %s; found [%d, %d] ⊗ [%d, %d] = [%d, %d]"
              .formatted(
                  module,
                  Arrays.toString(shape),
                  first.rows(),
                  first.columns(),
                  second.rows(),
                  second.columns(),
                  rows,
                  columns));
    }
    LowRank ranked = second.product() != null ? second.product() : first.product();
    return new KroneckerDelta(first, second, ranked == null ? 1 : scale(ranked.rank()));
  }

  /** The key that stands for LoKr's factors in messages. */
  private LoraKey lokrKey() {
    LoraKey whole = keys.get(LoraRole.LOKR_W1);
    return whole != null ? whole : Objects.requireNonNull(keys.get(LoraRole.LOKR_W1_A));
  }

  private KroneckerDelta.Part part(
      LoraRole whole, LoraRole left, LoraRole right, @Nullable LoraRole core) throws LoraException {
    Factor wholeFactor = factor(whole);
    Factor coreFactor = core == null ? null : factor(core);
    if (wholeFactor == null) {
      LowRank product = new LowRank(need(left, right), coreFactor != null, coreFactor, need(right));
      product.checkRanks();
      return new KroneckerDelta.Part(null, product);
    }
    for (LoraRole other : new @Nullable LoraRole[] {left, right, core}) {
      if (other != null && keys.containsKey(other)) {
        throw wholeFactor.fault(
            "expected a factor either whole or as a product, found %s as well"
                .formatted(keys.get(other).name()));
      }
    }
    return new KroneckerDelta.Part(wholeFactor, null);
  }

  private Dora dora(WeightDelta change, Factor magnitude, long[] shape) throws IOException {
    long[] found = magnitude.shape();
    long count = (long) magnitude.rows() * magnitude.columns();
    boolean leading = found.length > 0 && found[0] == count;
    // PEFT's vectors are always per output; LyCORIS' say it by the axis they lie along.
    boolean perInput =
        !magnitude.key().name().contains("lora_magnitude_vector")
            && shape.length > 1
            && count == shape[1]
            && !(leading && count == shape[0]);
    if (!perInput && count != shape[0]) {
      throw magnitude.misshapen(
          "a magnitude for each output or each input of %s.weight %s"
              .formatted(module, Arrays.toString(shape)));
    }
    return new Dora(change, magnitude, !perInput);
  }

  private void addWhole(LoraRole role, String tensor, double scale, Map<LoraKey, String> unusable)
      throws IOException {
    Factor diff = factor(role);
    if (diff == null) {
      return;
    }
    if (!table.base().contains(tensor)) {
      unusable.put(diff.key(), missing(tensor));
      return;
    }
    long[] shape = table.base().info(tensor).shape();
    if (diff.shape().length == 0 || diff.rows() != shape[0] || !sameTail(diff.shape(), shape)) {
      throw diff.misshapen("the shape of %s, %s".formatted(tensor, Arrays.toString(shape)));
    }
    changes.add(new Change(tensor, new WholeDelta(diff, scale), diff.key()));
  }

  private String missing(String tensor) {
    return "is for %s, which %s does not have".formatted(tensor, table.base().description());
  }

  private void check(LowRank product, long[] shape) throws LoraException {
    product.checkRanks();
    String weight = " to fit %s.weight %s".formatted(module, Arrays.toString(shape));
    Factor b = product.b();
    if (product.rows() != shape[0]) {
      throw product.a().misshapen(shape[0] + " outputs" + weight);
    }
    if (product.core() == null) {
      if (!sameTail(b.shape(), shape)) {
        long[] expected = shape.clone();
        expected[0] = b.rows();
        throw b.misshapen(Arrays.toString(expected) + weight);
      }
    } else if (shape.length < 2 || b.columns() != shape[1]) {
      throw b.misshapen("as many inputs" + weight);
    } else if (product.columns() != area(shape)) {
      throw product.core().misshapen("the kernel" + weight);
    }
  }

  /**
   * Whether two shapes agree behind the first axis, where 1×1 kernels may be written or not and a
   * kernel may be flattened into the inputs.
   */
  private static boolean sameTail(long[] found, long[] expected) {
    if (area(found) != area(expected)) {
      return false;
    }
    return found.length == 2 || Arrays.equals(bareTail(found), bareTail(expected));
  }

  private static long[] bareTail(long[] shape) {
    int end = shape.length;
    while (end > 1 && shape[end - 1] == 1) {
      end--;
    }
    return Arrays.copyOfRange(shape, 1, Math.max(1, end));
  }

  private static long area(long[] shape) {
    long area = 1;
    for (int i = 1; i < shape.length; i++) {
      area *= shape[i];
    }
    return area;
  }

  private double scale(int rank) throws IOException {
    LoraKey alpha = keys.get(LoraRole.ALPHA);
    return file.config()
        .scale(
            alpha == null ? null : file.scalar(alpha),
            table.component(),
            table.fullPath(module),
            rank);
  }

  private boolean has(LoraRole... roles) {
    return Arrays.stream(roles).anyMatch(keys::containsKey);
  }

  private @Nullable Factor factor(LoraRole role) throws LoraException {
    LoraKey key = keys.get(role);
    if (key == null) {
      return null;
    }
    Factor factor = new Factor(file, key);
    for (long extent : factor.shape()) {
      if (extent == 0) {
        throw factor.misshapen("a tensor with elements");
      }
    }
    return factor;
  }

  /** The first of several tensors that must all be there. */
  private Factor need(LoraRole... roles) throws LoraException {
    for (LoraRole role : roles) {
      if (!keys.containsKey(role)) {
        LoraKey present = keys.values().iterator().next();
        throw new LoraException(
            file.file(),
            present.name(),
            "expected %s beside it, found only %s; the file is incomplete"
                .formatted(
                    nameOf(role, present), keys.values().stream().map(LoraKey::name).toList()));
      }
    }
    return Objects.requireNonNull(factor(roles[0]));
  }

  /** What the key of a role would be called beside a key that is there. */
  private static String nameOf(LoraRole role, LoraKey present) {
    String name = present.name();
    if (role == LoraRole.DOWN && present.role() == LoraRole.UP) {
      return name.replace("lora_up", "lora_down")
          .replace("lora_B", "lora_A")
          .replace(".up.", ".down.");
    }
    if (role == LoraRole.UP && present.role() == LoraRole.DOWN) {
      return name.replace("lora_down", "lora_up")
          .replace("lora_A", "lora_B")
          .replace(".down.", ".up.");
    }
    return name.replace(lower(present.role()), lower(role));
  }

  private static String lower(LoraRole role) {
    return role.name().toLowerCase(Locale.ROOT);
  }
}
