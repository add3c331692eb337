package io.github.lcm4j.cli;

import io.github.lcm4j.onnx.OnnxExporter;
import java.io.IOException;
import java.util.concurrent.Callable;
import picocli.CommandLine.Command;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Model.CommandSpec;
import picocli.CommandLine.Spec;

/** Writes a checkpoint as ONNX files. */
@Command(
    name = "export",
    header = "Write a checkpoint as ONNX files in optimum's layout.",
    description =
        "Graphs for ONNX Runtime with their weights beside them, in the checkpoint's type; LoRAs are"
            + " folded in.",
    sortOptions = false)
final class ExportCommand implements Callable<Integer> {
  @Spec private CommandSpec spec = CommandSpec.create(); // replaced by picocli

  @Mixin private WriteOptions options = new WriteOptions();
  @Mixin private ReportOptions report = new ReportOptions();

  ExportCommand() {}

  @Override
  public Integer call() throws IOException {
    options.write(options.base().loras(), OnnxExporter::write, spec.commandLine().getOut());
    return 0;
  }
}
