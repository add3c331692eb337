package io.github.lcm4j.onnx.export;

import io.github.lcm4j.checkpoint.CheckpointException;
import java.util.ArrayList;
import java.util.List;
import java.util.TreeMap;
import java.util.regex.Matcher;
import java.util.regex.Pattern;
import org.jspecify.annotations.Nullable;

/**
 * How to drive an exported text encoder.
 *
 * @param inputIds token ids {@code [batch, length]}, int64 or int32
 * @param attentionMask ones for the tokens to attend to {@code [batch, length]}, or null
 * @param lastHiddenState the last layer's output after the final layer norm, or null
 * @param poolerOutput the last hidden state at the end token {@code [batch, hidden_size]}, or null
 * @param textEmbeds the projected pooled output {@code [batch, projection_dim]}, or null
 * @param hiddenStates the embeddings and every layer's output, in order; empty if not exported
 */
public record TextEncoderPorts(
    Port inputIds,
    @Nullable Port attentionMask,
    @Nullable Port lastHiddenState,
    @Nullable Port poolerOutput,
    @Nullable Port textEmbeds,
    List<Port> hiddenStates) {

  private static final Pattern HIDDEN_STATE = Pattern.compile("hidden_states?[._]?(\\d+)");

  /** Copies the list. */
  public TextEncoderPorts {
    hiddenStates = List.copyOf(hiddenStates);
  }

  static TextEncoderPorts of(OnnxExport export) throws CheckpointException {
    PortFinder inputs = PortFinder.inputs(export);
    Port mask = inputs.named("attention_mask");
    Port ids = inputs.named("input_ids", "tokens");
    ids = ids == null ? inputs.take(port -> port.rank() == 2) : ids;
    ids = inputs.require(ids, "input_ids");
    inputs.requireNoneLeft();

    PortFinder outputs = PortFinder.outputs(export);
    TreeMap<Integer, Port> hiddenStates = new TreeMap<>();
    for (Port port : export.outputs()) {
      Matcher matcher = HIDDEN_STATE.matcher(port.name());
      if (matcher.matches()) {
        hiddenStates.put(Integer.parseInt(matcher.group(1)), outputs.named(port.name()));
      }
    }
    Port last = outputs.named("last_hidden_state");
    Port pooled = outputs.named("pooler_output", "pooled_output");
    Port textEmbeds = outputs.named("text_embeds");
    if (last == null && hiddenStates.isEmpty()) {
      last = outputs.require(outputs.floating(3), "last_hidden_state");
    }
    return new TextEncoderPorts(
        ids, mask, last, pooled, textEmbeds, new ArrayList<>(hiddenStates.values()));
  }
}
