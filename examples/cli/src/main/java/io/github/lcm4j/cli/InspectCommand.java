package io.github.lcm4j.cli;

import io.github.lcm4j.checkpoint.Checkpoint;
import io.github.lcm4j.safetensors.SafetensorsFile;
import io.github.lcm4j.safetensors.ShardedSafetensors;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.NoSuchFileException;
import java.nio.file.Path;
import java.util.List;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Parameters;
import picocli.CommandLine.Spec;

/** Tells what a checkpoint folder, a safetensors file or an ONNX file holds. */
@Command(
    name = "inspect",
    description =
        "Tell what a checkpoint folder, a LoRA or other safetensors file, or an ONNX file holds.",
    sortOptions = false)
final class InspectCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create(); // replaced by picocli

  @Parameters(arity = "1", paramLabel = "FILE_OR_DIR", description = "What to look into.")
  private Path path = Path.of("");

  @Mixin private ReportOptions report = new ReportOptions();

  InspectCommand() {}

  @Override
  public Integer call() throws IOException {
    lines(path).forEach(spec.commandLine().getOut()::println);
    return 0;
  }

  private static List<String> lines(Path path) throws IOException {
    if (Files.isDirectory(path)) {
      return CheckpointReport.lines(Checkpoint.open(path));
    }
    if (!Files.exists(path)) {
      throw new NoSuchFileException(path.toString());
    }
    String name = path.getFileName().toString();
    if (name.endsWith(".safetensors")) {
      return SafetensorsReport.lines(SafetensorsFile.open(path));
    }
    if (name.endsWith(".json") && name.contains(".index.")) {
      return SafetensorsReport.lines(ShardedSafetensors.open(path));
    }
    if (name.endsWith(".onnx")) {
      return OnnxSummary.read(path).lines();
    }
    throw new IOException(
        "%s is none of: a checkpoint folder, a .safetensors file, an index of shards"
                .formatted(path)
            + " (.safetensors.index.json), an .onnx file");
  }
}
