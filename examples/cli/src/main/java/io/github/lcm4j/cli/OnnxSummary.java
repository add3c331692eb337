package io.github.lcm4j.cli;

import com.google.protobuf.CodedInputStream;
import com.google.protobuf.InvalidProtocolBufferException;
import com.google.protobuf.WireFormat;
import java.io.BufferedInputStream;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Collectors;

/**
 * What an ONNX file holds, read past its weights: a file of gigabytes costs no memory.
 *
 * <p>The numbers are the field numbers of <a
 * href="https://github.com/onnx/onnx/blob/main/onnx/onnx.proto">onnx.proto</a>.
 */
final class OnnxSummary {
  private static final Map<Integer, String> TYPES =
      Map.ofEntries(
          Map.entry(1, "float32"),
          Map.entry(2, "uint8"),
          Map.entry(3, "int8"),
          Map.entry(6, "int32"),
          Map.entry(7, "int64"),
          Map.entry(9, "bool"),
          Map.entry(10, "float16"),
          Map.entry(11, "float64"),
          Map.entry(16, "bfloat16"));

  private final Path file;
  private String producer = "";
  private String producerVersion = "";
  private final List<String> opsets = new ArrayList<>();
  private final List<String> inputs = new ArrayList<>();
  private final List<String> outputs = new ArrayList<>();
  private final Map<String, Integer> initializerTypes = new TreeMap<>();
  private int nodes;
  private int initializers;
  private int externalInitializers;
  private long elements;
  private boolean hasGraph;

  private OnnxSummary(Path file) {
    this.file = file;
  }

  /** A message's fields, one at a time. */
  @FunctionalInterface
  private interface Field {
    /** Reads the field and returns true, or leaves it to be skipped. */
    boolean read(int number, CodedInputStream in) throws IOException;
  }

  /**
   * Reads a file.
   *
   * @throws IOException if it cannot be read or is no ONNX model; the message names it
   */
  static OnnxSummary read(Path file) throws IOException {
    OnnxSummary summary = new OnnxSummary(file);
    try (InputStream bytes = new BufferedInputStream(Files.newInputStream(file))) {
      fields(CodedInputStream.newInstance(bytes), summary::model);
    } catch (InvalidProtocolBufferException e) {
      throw new IOException("%s is not an ONNX model: %s".formatted(file, e.getMessage()), e);
    }
    if (!summary.hasGraph) {
      throw new IOException(file + " is not an ONNX model: it has no graph");
    }
    return summary;
  }

  private static void fields(CodedInputStream in, Field field) throws IOException {
    for (int tag = in.readTag(); tag != 0; tag = in.readTag()) {
      if (!field.read(WireFormat.getTagFieldNumber(tag), in)) {
        in.skipField(tag);
      }
    }
  }

  private static boolean message(CodedInputStream in, Field field) throws IOException {
    int limit = in.pushLimit(in.readRawVarint32());
    fields(in, field);
    in.popLimit(limit);
    return true;
  }

  private boolean model(int number, CodedInputStream in) throws IOException {
    switch (number) {
      case 2 -> producer = in.readString();
      case 3 -> producerVersion = in.readString();
      case 7 -> {
        hasGraph = true;
        message(in, this::graph);
      }
      case 8 -> opset(in);
      default -> {
        return false;
      }
    }
    return true;
  }

  private void opset(CodedInputStream in) throws IOException {
    String[] parts = {"ai.onnx", "?"};
    message(
        in,
        (number, field) -> {
          switch (number) {
            case 1 -> {
              String domain = field.readString();
              parts[0] = domain.isEmpty() ? parts[0] : domain;
            }
            case 2 -> parts[1] = Long.toString(field.readInt64());
            default -> {
              return false;
            }
          }
          return true;
        });
    opsets.add(parts[0] + " " + parts[1]);
  }

  private boolean graph(int number, CodedInputStream in) throws IOException {
    switch (number) {
      case 1 -> {
        nodes++;
        return false;
      }
      case 5 -> initializer(in);
      case 11 -> inputs.add(value(in));
      case 12 -> outputs.add(value(in));
      default -> {
        return false;
      }
    }
    return true;
  }

  private void initializer(CodedInputStream in) throws IOException {
    initializers++;
    long[] count = {1};
    message(
        in,
        (number, field) -> {
          switch (number) {
            case 1 -> count[0] *= dimensions(field);
            case 2 -> initializerTypes.merge(type(field.readInt32()), 1, Integer::sum);
            case 14 -> externalInitializers += field.readEnum();
            default -> {
              return false;
            }
          }
          return true;
        });
    elements += count[0];
  }

  /** Field 1 of a tensor comes packed or a number at a time; the tag just read says which. */
  private static long dimensions(CodedInputStream in) throws IOException {
    if (WireFormat.getTagWireType(in.getLastTag()) != WireFormat.WIRETYPE_LENGTH_DELIMITED) {
      return in.readInt64();
    }
    long product = 1;
    int limit = in.pushLimit(in.readRawVarint32());
    while (in.getBytesUntilLimit() > 0) {
      product *= in.readInt64();
    }
    in.popLimit(limit);
    return product;
  }

  private static String value(CodedInputStream in) throws IOException {
    String[] parts = {"", ""};
    List<String> shape = new ArrayList<>();
    message(
        in,
        (number, field) -> {
          switch (number) {
            case 1 -> parts[0] = field.readString();
            case 2 ->
                message(field, (n, type) -> n == 1 && message(type, tensorType(parts, shape)));
            default -> {
              return false;
            }
          }
          return true;
        });
    return "%s %s[%s]".formatted(parts[0], parts[1], String.join(", ", shape));
  }

  private static Field tensorType(String[] parts, List<String> shape) {
    return (number, in) -> {
      switch (number) {
        case 1 -> parts[1] = type(in.readInt32());
        case 2 -> message(in, (n, dims) -> n == 1 && dimension(dims, shape));
        default -> {
          return false;
        }
      }
      return true;
    };
  }

  private static boolean dimension(CodedInputStream in, List<String> shape) throws IOException {
    String[] extent = {"?"};
    message(
        in,
        (number, field) -> {
          switch (number) {
            case 1 -> extent[0] = Long.toString(field.readInt64());
            case 2 -> extent[0] = field.readString();
            default -> {
              return false;
            }
          }
          return true;
        });
    shape.add(extent[0]);
    return true;
  }

  private static String type(int number) {
    return TYPES.getOrDefault(number, "type " + number);
  }

  List<String> lines() {
    List<String> lines = new ArrayList<>();
    lines.add(
        "%s: ONNX model%s, opset %s, %d nodes"
            .formatted(
                file.getFileName(),
                producer.isEmpty() ? "" : " by " + (producer + " " + producerVersion).strip(),
                String.join(", ", opsets),
                nodes));
    lines.add(
        "%s elements in %d initializers (%s)%s"
            .formatted(
                WeightSummary.count(elements),
                initializers,
                initializerTypes.entrySet().stream()
                    .map(entry -> entry.getValue() + " " + entry.getKey())
                    .collect(Collectors.joining(", ")),
                externalInitializers == 0
                    ? ""
                    : ", %d of them in files beside it".formatted(externalInitializers)));
    inputs.forEach(input -> lines.add("input " + input));
    outputs.forEach(output -> lines.add("output " + output));
    return lines;
  }
}
