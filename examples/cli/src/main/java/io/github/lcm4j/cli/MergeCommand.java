package io.github.lcm4j.cli;

import io.github.lcm4j.Cancellation;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.lora.CheckpointMerger;
import io.github.lcm4j.lora.MergeRequest;
import io.github.lcm4j.lora.WrittenCheckpoint;
import io.github.lcm4j.onnx.OnnxExporter;
import io.github.lcm4j.pocket.PocketModel;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.ParameterException;
import picocli.CommandLine.Spec;

/** Writes a checkpoint with LoRAs folded into its weights. */
@Command(
    name = "merge",
    header = "Write a checkpoint with LoRAs folded into its weights.",
    description = {
      "A safetensors checkpoint becomes another one, an ONNX export becomes another export; types,"
          + " names and everything LoRAs do not change stay as they are.",
      "Without --checkpoint and --lora it is the pocket model with its LCM-LoRA."
    },
    sortOptions = false)
final class MergeCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create(); // replaced by picocli

  @Mixin private WriteOptions options = new WriteOptions();
  @Mixin private ReportOptions report = new ReportOptions();

  MergeCommand() {}

  @Override
  public Integer call() throws IOException {
    List<LoraSpec> loras = options.base().loras();
    if (loras.isEmpty()) {
      if (!options.base().isPocket()) {
        throw new ParameterException(
            spec.commandLine(), "merge --checkpoint needs --lora FILE, which it is to fold in");
      }
      loras = List.of(LoraSpec.of(PocketModel.lcmLora()));
    }
    options.write(loras, MergeCommand::merge, spec.commandLine().getOut());
    return 0;
  }

  private static WrittenCheckpoint merge(
      MergeRequest request, Path target, Cancellation cancellation) throws IOException {
    return Checkpoint.open(request.checkpoint()).require("unet").isOnnx()
        ? OnnxExporter.write(request, target, cancellation)
        : CheckpointMerger.write(request, target, cancellation);
  }
}
