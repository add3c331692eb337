package io.github.lcm4j.pocket;

import java.io.IOException;
import java.io.InputStream;
import java.nio.charset.StandardCharsets;
import java.security.MessageDigest;
import java.security.NoSuchAlgorithmException;
import java.util.HexFormat;
import java.util.List;

/**
 * The model's files.
 *
 * @param version stands for the content of all files: the start of the manifest's own SHA-256
 * @param entries the files
 */
record Manifest(String version, List<Entry> entries) {
  /**
   * A file.
   *
   * @param sha256 digest of its content in hexadecimal
   * @param size its length in bytes
   * @param path its path below this package, with slashes
   */
  record Entry(String sha256, long size, String path) {}

  static Manifest read() throws IOException {
    byte[] bytes;
    try (InputStream in = PocketModel.resource("manifest.txt").openStream()) {
      bytes = in.readAllBytes();
    }
    List<Entry> entries =
        new String(bytes, StandardCharsets.UTF_8)
            .lines()
            .map(line -> line.split(" ", 3))
            .map(fields -> new Entry(fields[0], Long.parseLong(fields[1]), fields[2]))
            .toList();
    return new Manifest(hex(sha256().digest(bytes)).substring(0, 16), entries);
  }

  static MessageDigest sha256() {
    try {
      return MessageDigest.getInstance("SHA-256");
    } catch (NoSuchAlgorithmException e) {
      throw new IllegalStateException(e); // every Java has it
    }
  }

  static String hex(byte[] digest) {
    return HexFormat.of().formatHex(digest);
  }
}
