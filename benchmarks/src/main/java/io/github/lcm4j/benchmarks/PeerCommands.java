package io.github.lcm4j.benchmarks;

import io.github.lcm4j.benchmarks.peers.Contestant;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The command lines of lcm4j and its peers for the same work.
 *
 * @param python interpreter for the peers
 * @param scripts folder of the peers' scripts
 * @param files the model
 * @param pixels side of the pictures
 * @param batch rows of a UNet evaluation
 * @param threads threads each may use
 */
record PeerCommands(
    String python, Path scripts, ModelFiles files, int pixels, int batch, int threads) {
  static final List<String> HEATS = List.of("load", "parts", "generate", "fold");

  private static final String WARMUP = "1";
  private static final Map<String, String> REPETITIONS =
      Map.of("load", "1", "parts", "3", "generate", "1", "fold", "1");

  List<Contestant> contestants() {
    Map<String, List<String>> own = new LinkedHashMap<>();
    Map<String, List<String>> diffusers = new LinkedHashMap<>();
    for (String heat : HEATS) {
      if (heat.equals("fold") && files.lcmLora() == null) {
        continue;
      }
      own.put(heat, lcm4j(heat));
      diffusers.put(heat, diffusers(heat));
    }
    return List.of(
        new Contestant("lcm4j", own),
        new Contestant("diffusers", diffusers),
        new Contestant("ONNX Runtime", Map.of("parts", onnxRuntime())));
  }

  private List<String> lcm4j(String heat) {
    List<String> command = Jvm.command(Lcm4jPeer.class);
    command.addAll(List.of("--measure", heat, "--size", Integer.toString(pixels)));
    common(command, heat);
    lora(command);
    return command;
  }

  private List<String> diffusers(String heat) {
    List<String> command = script("diffusers_peer.py");
    command.addAll(List.of("--measure", heat.equals("parts") ? "text,unet,vae" : heat));
    size(command);
    common(command, heat);
    lora(command);
    return command;
  }

  /** It measures the UNet only, and knows no LoRA. */
  private List<String> onnxRuntime() {
    List<String> command = script("onnxruntime_peer.py");
    command.addAll(List.of("--cache", ModelFiles.folder().resolve("onnx").toString()));
    size(command);
    common(command, "parts");
    return command;
  }

  private List<String> script(String name) {
    return new ArrayList<>(List.of(python, scripts.resolve(name).toString()));
  }

  private void size(List<String> command) {
    String side = Integer.toString(pixels);
    command.addAll(List.of("--width", side, "--height", side));
  }

  private void common(List<String> command, String heat) {
    command.addAll(
        List.of(
            "--checkpoint",
            files.checkpoint().toString(),
            "--threads",
            Integer.toString(threads),
            "--batch",
            Integer.toString(batch),
            "--warmup",
            WARMUP,
            "--repetitions",
            REPETITIONS.get(heat)));
  }

  private void lora(List<String> command) {
    if (files.lcmLora() != null) {
      command.addAll(List.of("--lora", files.lcmLora().toString()));
    }
  }
}
