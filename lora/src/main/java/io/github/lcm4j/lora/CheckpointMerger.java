package io.github.lcm4j.lora;

import io.github.lcm4j.Cancellation;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.StagedCheckpoint;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.SafetensorsWriter;
import io.github.lcm4j.safetensors.TensorEntry;
import io.github.lcm4j.safetensors.WeightSource;
import io.github.lcm4j.tensor.DType;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;

/**
 * Writes a safetensors checkpoint with LoRAs folded in: a copy of the base's folder in which the
 * weight files that LoRAs change are written anew, with the same names of files, shards, index and
 * tensors, the same types and metadata.
 *
 * <p>Weights are folded one at a time, while they are written: {@code W′ = W + Σ weightᵢ · ΔWᵢ} in
 * float32, cast once to the base's type, rounding to nearest even. The LoRAs are taken as a
 * pipeline takes them, and drawing with what is written is drawing with them, but for that cast.
 *
 * <p>Left out are hidden files, weight files at the top of the folder, and those beside the weights
 * that were changed: other variants of them, which would still be the base's.
 */
public final class CheckpointMerger {
  private CheckpointMerger() {}

  /**
   * Writes a merged checkpoint.
   *
   * @param request the base, a folder in diffusers' layout, and the LoRAs
   * @param target the folder to make; its parent must exist
   * @return what was written
   * @throws LoraException if a LoRA cannot be folded
   * @throws CheckpointException if the base cannot be used, is an ONNX export, or would be mixed up
   *     with the target
   * @throws java.nio.file.FileAlreadyExistsException if there is something at the target
   * @throws IOException if anything cannot be read or written. In all cases nothing is left behind,
   *     and what was there is there still
   */
  public static WrittenCheckpoint write(MergeRequest request, Path target) throws IOException {
    return write(request, target, new Cancellation());
  }

  /**
   * Writes a merged checkpoint unless another thread ends it.
   *
   * @param cancellation ends the writing
   * @throws java.util.concurrent.CancellationException if it was ended; nothing is left behind
   * @throws IOException as without a cancellation
   */
  public static WrittenCheckpoint write(
      MergeRequest request, Path target, Cancellation cancellation) throws IOException {
    Checkpoint checkpoint = Checkpoint.open(request.checkpoint());
    checkpoint.requireStableDiffusion();
    if (checkpoint.require("unet").isOnnx()) {
      throw new CheckpointException(
          "%s is an ONNX export; expected a checkpoint of safetensors weights"
              .formatted(checkpoint.folder()));
    }
    Map<String, WeightSource> bases = checkpoint.openWeights();
    DeferredMerge merge =
        LoraMerger.builder()
            .lenient(request.lenientLoras())
            .build()
            .prepare(bases, request.loras());
    try (StagedCheckpoint staged =
        StagedCheckpoint.begin(target, request.overwrite(), request.sources(), cancellation)) {
      Set<Path> rewritten = new HashSet<>();
      for (Map.Entry<String, WeightSource> base : bases.entrySet()) {
        rewritten.addAll(rewrite(checkpoint, base.getKey(), base.getValue(), merge, staged));
      }
      staged.copy(
          checkpoint.folder(),
          file -> !rewritten.contains(file) && isCurrent(checkpoint.folder(), file, bases, merge));
      merge.requireEffect();
      return new WrittenCheckpoint(target, merge.report(), staged.publish());
    }
  }

  /** Writes the files of a component that hold changed weights; returns their places. */
  private static Set<Path> rewrite(
      Checkpoint checkpoint,
      String component,
      WeightSource base,
      DeferredMerge merge,
      StagedCheckpoint staged)
      throws IOException {
    Set<Path> files = new HashSet<>();
    for (String name : merge.touched(component)) {
      files.add(base.info(name).file());
    }
    Set<Path> places = new HashSet<>();
    for (Path file : files) {
      SafetensorsFile pristine = SafetensorsFile.open(file);
      List<TensorEntry> entries = new ArrayList<>();
      for (String name : pristine.names()) {
        // A shard may hold a tensor that the index takes from another one.
        boolean changed =
            merge.touched(component).contains(name) && base.info(name).file().equals(file);
        entries.add(
            (changed ? folded(component, base, name, merge) : TensorEntry.copy(pristine.info(name)))
                .after(staged::checkCancelled));
      }
      Path place = checkpoint.folder().relativize(file);
      SafetensorsWriter.write(staged.file(place), entries, pristine.metadata());
      places.add(place);
    }
    return places;
  }

  private static TensorEntry folded(
      String component, WeightSource base, String name, DeferredMerge merge) throws LoraException {
    DType dtype = merge.dtype(component, name);
    return TensorEntry.lazy(
        name, dtype, base.info(name).shape(), () -> merge.fold(component, name));
  }

  /** Whether a file is right beside the changed weights. */
  private static boolean isCurrent(
      Path folder, Path file, Map<String, WeightSource> bases, DeferredMerge merge) {
    if (!StagedCheckpoint.isWeightFile(file)) {
      return true;
    }
    if (file.getNameCount() == 1) {
      return false; // the whole model in one file
    }
    String component = file.getName(0).toString();
    WeightSource base = bases.get(component);
    return base == null
        || merge.touched(component).isEmpty()
        || base.files().contains(folder.resolve(file));
  }
}
