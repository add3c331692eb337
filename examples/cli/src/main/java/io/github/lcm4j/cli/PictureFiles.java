package io.github.lcm4j.cli;

import java.awt.image.BufferedImage;
import java.io.ByteArrayOutputStream;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.UUID;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import javax.imageio.ImageIO;
import javax.imageio.stream.ImageOutputStream;
import javax.imageio.stream.MemoryCacheImageOutputStream;

/** The files a command writes: all of them whole, or none. */
final class PictureFiles {
  private static final String SUFFIX = ".png";

  private final List<Path> files;

  private PictureFiles(List<Path> files) {
    this.files = files;
  }

  /** Whether a name is one for a PNG picture. */
  static boolean isPng(Path file) {
    Path name = file.getFileName();
    return name != null && name.toString().toLowerCase(Locale.ROOT).endsWith(SUFFIX);
  }

  /**
   * Plans where pictures go and checks that they can go there.
   *
   * @param output a name that {@link #isPng}; several pictures get {@code -0}, {@code -1}, … before
   *     the suffix
   * @param count number of pictures
   * @throws IOException if the folder is missing or may not be written to, or a name is a folder's
   */
  static PictureFiles plan(Path output, int count) throws IOException {
    List<Path> files =
        count == 1
            ? List.of(output)
            : IntStream.range(0, count).mapToObj(i -> beside(output, "" + i)).toList();
    Path folder = output.toAbsolutePath().getParent();
    if (!Files.isDirectory(folder)) {
      throw new IOException(
          "cannot write %s: the folder %s does not exist".formatted(output, folder));
    }
    if (!Files.isWritable(folder)) {
      throw new IOException(
          "cannot write %s: no permission to write in %s".formatted(output, folder));
    }
    for (Path file : files) {
      if (Files.isDirectory(file)) {
        throw new IOException("cannot write %s: it is a folder".formatted(file));
      }
    }
    return new PictureFiles(files);
  }

  /** A picture as PNG. */
  static byte[] png(BufferedImage image) throws IOException {
    ByteArrayOutputStream bytes = new ByteArrayOutputStream();
    // Given the bare stream, ImageIO would go through a temporary file.
    try (ImageOutputStream out = new MemoryCacheImageOutputStream(bytes)) {
      ImageIO.write(image, "png", out);
    }
    return bytes.toByteArray();
  }

  /** The name beside a picture's for what belongs to it: {@code a.png} gives {@code a-NAME.png}. */
  static Path beside(Path output, String name) {
    String file = output.getFileName().toString();
    int stem = file.length() - SUFFIX.length();
    return output.resolveSibling(
        "%s-%s%s".formatted(file.substring(0, stem), name, file.substring(stem)));
  }

  /** The files, for a message. */
  String names() {
    return files.stream().map(Path::toString).collect(Collectors.joining(", "));
  }

  /**
   * Writes all pictures; existing files are replaced. Ctrl-C meanwhile waits until this is done.
   *
   * @param pictures the contents, one a file
   * @throws IOException if one cannot be written; then none is left
   */
  void write(List<byte[]> pictures) throws IOException {
    synchronized (Interrupts.LOCK) {
      writeAll(pictures);
    }
  }

  private void writeAll(List<byte[]> pictures) throws IOException {
    List<Path> temporaries = new ArrayList<>();
    List<Path> written = new ArrayList<>();
    boolean whole = false;
    try {
      // A full disk shows in this loop, before any file is in its place.
      for (int i = 0; i < files.size(); i++) {
        // Not createTempFile: that makes files only their owner may read.
        Path temporary = files.get(i).resolveSibling(".lcm4j-%s.part".formatted(UUID.randomUUID()));
        temporaries.add(temporary);
        Files.write(temporary, pictures.get(i), StandardOpenOption.CREATE_NEW);
      }
      for (int i = 0; i < files.size(); i++) {
        Files.move(temporaries.get(i), files.get(i), StandardCopyOption.REPLACE_EXISTING);
        written.add(files.get(i));
      }
      whole = true;
    } finally {
      for (Path temporary : temporaries) {
        Files.deleteIfExists(temporary);
      }
      if (!whole) {
        for (Path file : written) {
          Files.deleteIfExists(file);
        }
      }
    }
  }
}
