package io.github.lcm4j.cli;

import io.github.lcm4j.Cancellation;
import io.github.lcm4j.LoraSpec;
import io.github.lcm4j.lora.MergeReport;
import io.github.lcm4j.lora.MergeRequest;
import io.github.lcm4j.lora.WrittenCheckpoint;
import java.io.IOException;
import java.io.PrintWriter;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import picocli.CommandLine.Mixin;
import picocli.CommandLine.Option;

/** Which checkpoint is written, from what. */
final class WriteOptions {
  @Mixin private CheckpointOptions base = new CheckpointOptions();

  @Option(
      names = "--lenient",
      description = "Report LoRA keys that find no weight instead of refusing the file.")
  private boolean lenient;

  @Option(names = "--overwrite", description = "Replace a checkpoint that is at --output already.")
  private boolean overwrite;

  @Option(
      names = "--output",
      paramLabel = "DIR",
      required = true,
      description = "Folder to write, which must not be there yet.")
  private Path output = Path.of("");

  WriteOptions() {}

  CheckpointOptions base() {
    return base;
  }

  /** Writes a checkpoint; given a way out, for it may take long. */
  interface Writing {
    WrittenCheckpoint write(MergeRequest request, Path target, Cancellation cancellation)
        throws IOException;
  }

  /** Writes the checkpoint with these LoRAs folded in, and tells what was written. */
  void write(List<LoraSpec> loras, Writing writing, PrintWriter out) throws IOException {
    base.check();
    MergeRequest request = new MergeRequest(base.folder(), loras, lenient, overwrite);
    WrittenCheckpoint written =
        Interrupts.tidily(cancellation -> writing.write(request, output, cancellation));
    for (MergeReport.FileReport file : written.report().files()) {
      out.print(new MergeReport(List.of(file)));
    }
    long bytes = 0;
    for (var file : written.files().entrySet()) {
      bytes += file.getValue();
      out.printf(Locale.ROOT, "%,15d  %s%n", file.getValue(), file.getKey());
    }
    out.printf(
        "%d files, %s → %s%n", written.files().size(), WeightSummary.megabytes(bytes), output);
  }
}
