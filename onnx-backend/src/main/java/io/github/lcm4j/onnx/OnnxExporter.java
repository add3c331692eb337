package io.github.lcm4j.onnx;

import io.github.lcm4j.Cancellation;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.checkpoint.CheckpointException;
import io.github.lcm4j.checkpoint.Component;
import io.github.lcm4j.checkpoint.StagedCheckpoint;
import io.github.lcm4j.lora.DeferredMerge;
import io.github.lcm4j.lora.LoraMerger;
import io.github.lcm4j.lora.MergeRequest;
import io.github.lcm4j.lora.WrittenCheckpoint;
import io.github.lcm4j.onnx.export.DetachedGraph;
import io.github.lcm4j.onnx.export.OnnxExport;
import io.github.lcm4j.onnx.export.OnnxWeights;
import io.github.lcm4j.onnx.graph.ClipTextGraph;
import io.github.lcm4j.onnx.graph.NetworkGraph;
import io.github.lcm4j.onnx.graph.UnetGraph;
import io.github.lcm4j.safetensors.WeightSource;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.HashSet;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.Stream;

/**
 * Writes ONNX exports in the layout of <a href="https://github.com/huggingface/optimum-onnx">
 * optimum</a>, with LoRAs folded in: a folder for each of {@code unet}, {@code text_encoder},
 * {@code text_encoder_2}, {@code vae_decoder} and {@code vae_encoder} with {@code model.onnx}, its
 * weights in {@code model.onnx_data} beside it and {@code config.json}; tokenizers, scheduler and
 * {@code model_index.json} as the base has them. ONNX Runtime loads each by itself, optimum's
 * pipelines and {@link io.github.lcm4j.Pipeline} the whole.
 *
 * <p>Inputs and outputs have optimum's names: {@code sample}, {@code timestep}, {@code
 * encoder_hidden_states} and, where the model takes them, {@code timestep_cond}, {@code
 * text_embeds} and {@code time_ids} to {@code out_sample}; {@code input_ids} to {@code text_embeds}
 * or {@code pooler_output}, {@code last_hidden_state} and {@code hidden_states.i}; {@code
 * latent_sample} to {@code sample}; {@code sample} to {@code latent_parameters}, or {@code
 * latent_sample} for an AutoencoderTiny. Batch, height, width and length are free; the timestep is
 * a scalar, and a floating-point one, for some schedulers ask for fractions. Computed is float32;
 * half-precision weights stay so and are cast by the graph.
 *
 * <p>The graphs are those that {@link OnnxBackend} runs: operator set 20, and of ONNX Runtime's own
 * operators {@code MultiHeadAttention} and {@code QuickGelu}, so that other runtimes may not load
 * them.
 *
 * <p>Where the base is an ONNX export already, its graphs stay as they are, and so do the names,
 * types and layouts of their constants; those that LoRAs change get other contents. All larger
 * constants of a changed part then lie in {@code model.onnx_data}.
 *
 * <p>Weights are folded one at a time, while they are written, in float32, and cast once to the
 * base's type.
 */
public final class OnnxExporter {
  private final Checkpoint checkpoint;
  private final MergeRequest request;
  private final Path target;
  private final Cancellation cancellation;

  private OnnxExporter(
      Checkpoint checkpoint, MergeRequest request, Path target, Cancellation cancellation) {
    this.checkpoint = checkpoint;
    this.request = request;
    this.target = target;
    this.cancellation = cancellation;
  }

  /**
   * Writes an export.
   *
   * @param request the base, a folder in diffusers' layout or an ONNX export, and the LoRAs
   * @param target the folder to make; its parent must exist
   * @return what was written
   * @throws io.github.lcm4j.lora.LoraException if a LoRA cannot be folded
   * @throws CheckpointException if the base cannot be used, or would be mixed up with the target
   * @throws java.nio.file.FileAlreadyExistsException if there is something at the target
   * @throws IOException if anything cannot be read or written. In all cases nothing is left behind,
   *     and what was there is there still
   */
  public static WrittenCheckpoint write(MergeRequest request, Path target) throws IOException {
    return write(request, target, new Cancellation());
  }

  /**
   * Writes an export unless another thread ends it.
   *
   * @param cancellation ends the writing
   * @throws java.util.concurrent.CancellationException if it was ended; nothing is left behind
   * @throws IOException as without a cancellation
   */
  public static WrittenCheckpoint write(
      MergeRequest request, Path target, Cancellation cancellation) throws IOException {
    Checkpoint checkpoint = Checkpoint.open(request.checkpoint());
    checkpoint.requireStableDiffusion();
    OnnxExporter exporter = new OnnxExporter(checkpoint, request, target, cancellation);
    try {
      return checkpoint.require(ModelParts.UNET).isOnnx()
          ? exporter.rewriteExport()
          : exporter.exportCheckpoint();
    } catch (IOException e) {
      throw StagedCheckpoint.explain(target, e);
    }
  }

  private StagedCheckpoint begin() throws IOException {
    return StagedCheckpoint.begin(target, request.overwrite(), request.sources(), cancellation);
  }

  private DeferredMerge prepare(Map<String, WeightSource> bases) throws IOException {
    return LoraMerger.builder()
        .lenient(request.lenientLoras())
        .build()
        .prepare(bases, request.loras());
  }

  private WrittenCheckpoint publish(StagedCheckpoint staged, DeferredMerge merge)
      throws IOException {
    merge.requireEffect();
    return new WrittenCheckpoint(target, merge.report(), staged.publish());
  }

  // ---- from safetensors ----------------------------------------------------------------------

  /**
   * A network to be exported.
   *
   * @param folder its folder in the export
   * @param component the part of the checkpoint that it is in
   */
  private record Part(String folder, Component component, NetworkGraph graph) {}

  private WrittenCheckpoint exportCheckpoint() throws IOException {
    Map<String, WeightSource> bases = checkpoint.openWeights();
    List<Part> parts = new ArrayList<>();
    for (Map.Entry<String, WeightSource> base : bases.entrySet()) {
      parts.addAll(parts(checkpoint.require(base.getKey()), base.getValue()));
    }
    DeferredMerge merge = prepare(bases);
    try (StagedCheckpoint staged = begin()) {
      for (Part part : parts) {
        WeightSource base = bases.get(part.component().name());
        ModelFiles.write(
            EmittedWeights.detach(part.component().name(), part.graph(), base, merge),
            staged,
            part.folder());
        staged.copy(
            part.component().folder(),
            Path.of(part.folder()),
            file -> file.equals(Path.of("config.json")));
      }
      Set<Path> networks = networkFolders();
      staged.copy(
          checkpoint.folder(),
          Path.of(""),
          file -> !networks.contains(file.getName(0)) && !StagedCheckpoint.isWeightFile(file));
      return publish(staged, merge);
    }
  }

  private static List<Part> parts(Component component, WeightSource base)
      throws CheckpointException {
    return switch (component.name()) {
      case ModelParts.UNET ->
          List.of(
              new Part(
                  component.name(),
                  component,
                  UnetGraph.emit(component, base, false, false).withScalar("timestep")));
      case ModelParts.VAE ->
          List.of(
              new Part(
                  ExportedParts.DECODER_FOLDER, component, OrtVae.decoderGraph(component, base)),
              new Part(
                  ExportedParts.ENCODER_FOLDER, component, OrtVae.encoderGraph(component, base)));
      default ->
          List.of(
              new Part(component.name(), component, ClipTextGraph.emitForExport(component, base)));
    };
  }

  /** The folders that hold networks, exported or not. */
  private Set<Path> networkFolders() throws IOException {
    Set<Path> folders = new HashSet<>();
    try (Stream<Path> entries = Files.list(checkpoint.folder())) {
      for (Path entry : entries.filter(Files::isDirectory).toList()) {
        try (Stream<Path> files = Files.list(entry)) {
          if (files.anyMatch(StagedCheckpoint::isWeightFile)) {
            folders.add(entry.getFileName());
          }
        }
      }
    }
    return folders;
  }

  // ---- from an export ------------------------------------------------------------------------

  private WrittenCheckpoint rewriteExport() throws IOException {
    Map<String, OnnxWeights> weights = new LinkedHashMap<>();
    if (!request.loras().isEmpty()) { // a graph that was optimised beforehand is still copied
      for (Map.Entry<String, OnnxExport> export : ExportedParts.foldable(checkpoint).entrySet()) {
        weights.put(export.getKey(), export.getValue().weights());
      }
    }
    DeferredMerge merge = prepare(new LinkedHashMap<>(weights));
    weights.keySet().removeIf(part -> merge.touched(part).isEmpty());
    Set<Path> replaced = new HashSet<>();
    for (OnnxWeights changed : weights.values()) {
      changed.files().forEach(file -> replaced.add(file.toAbsolutePath().normalize()));
    }
    try (StagedCheckpoint staged = begin()) {
      for (Map.Entry<String, OnnxWeights> part : weights.entrySet()) {
        String name = part.getKey();
        DetachedGraph graph =
            part.getValue().rewrite(merge.touched(name), weight -> merge.fold(name, weight));
        ModelFiles.write(graph, staged, name);
      }
      staged.copy(
          checkpoint.folder(), Path.of(""), file -> isCurrent(file, weights.keySet(), replaced));
      return publish(staged, merge);
    }
  }

  /** Whether a file is right beside the changed parts: other graphs of theirs are the base's. */
  private boolean isCurrent(Path file, Set<String> changed, Set<Path> replaced) {
    if (replaced.contains(checkpoint.folder().resolve(file).toAbsolutePath().normalize())) {
      return false;
    }
    boolean beside = file.getNameCount() == 1 || changed.contains(file.getName(0).toString());
    return !(beside && StagedCheckpoint.isWeightFile(file));
  }
}
