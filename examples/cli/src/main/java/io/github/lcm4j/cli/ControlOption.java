package io.github.lcm4j.cli;

import java.nio.file.Files;
import java.nio.file.Path;
import picocli.CommandLine.ITypeConverter;
import picocli.CommandLine.TypeConversionException;

/**
 * A ControlNet or T2I-Adapter and its picture.
 *
 * @param folder the network in diffusers' layout
 * @param image the picture that steers it
 * @param scale how strongly it acts
 */
record ControlOption(Path folder, Path image, double scale) {
  /** Reads {@code DIR:IMAGE[:SCALE]}; colons inside the names are told by what is on the disk. */
  static final class Converter implements ITypeConverter<ControlOption> {
    Converter() {}

    @Override
    public ControlOption convert(String text) {
      double scale = 1;
      String paths = text;
      int last = text.lastIndexOf(':');
      if (last > 0 && !Files.exists(Path.of(text.substring(last + 1)))) {
        try {
          scale = Double.parseDouble(text.substring(last + 1));
          paths = text.substring(0, last);
        } catch (NumberFormatException e) {
          scale = 1; // the picture's name, which is missing: said when it is read
        }
      }
      for (int colon = paths.indexOf(':'); colon >= 0; colon = paths.indexOf(':', colon + 1)) {
        Path folder = Path.of(paths.substring(0, colon));
        if (colon > 0 && colon + 1 < paths.length() && Files.isDirectory(folder)) {
          return new ControlOption(folder, Path.of(paths.substring(colon + 1)), scale);
        }
      }
      throw new TypeConversionException(
          "expected DIR:IMAGE[:SCALE] with an existing folder DIR, found '%s'".formatted(text));
    }
  }
}
