package io.github.lcm4j.pocket;

import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.security.DigestInputStream;
import java.security.MessageDigest;
import java.util.ArrayList;
import java.util.Comparator;
import java.util.List;
import java.util.UUID;
import java.util.stream.Stream;

/** Writes the model's resources into a folder of files, once. */
final class ResourceCache {
  private final Manifest manifest;

  ResourceCache(Manifest manifest) {
    this.manifest = manifest;
  }

  /** The files in the first cache folder that can be used. */
  Path folder() throws IOException {
    List<IOException> faults = new ArrayList<>();
    for (Path cache : candidates()) {
      try {
        return folder(cache);
      } catch (IOException e) {
        faults.add(e);
      }
    }
    IOException fault =
        new IOException(
            "the pocket model cannot be written to %s (%s); name a cache folder with -D%s=FOLDER"
                .formatted(candidates(), faults.get(0), PocketModel.CACHE_PROPERTY));
    faults.forEach(fault::addSuppressed);
    throw fault;
  }

  private static List<Path> candidates() {
    String given = System.getProperty(PocketModel.CACHE_PROPERTY);
    if (given != null) {
      return List.of(Path.of(given));
    }
    String user = System.getenv(isWindows() ? "LOCALAPPDATA" : "XDG_CACHE_HOME");
    Path home =
        user != null && !user.isEmpty()
            ? Path.of(user)
            : Path.of(System.getProperty("user.home"), ".cache");
    Path temporary =
        Path.of(System.getProperty("java.io.tmpdir"), "lcm4j-" + System.getProperty("user.name"));
    return List.of(home.resolve("lcm4j"), temporary);
  }

  private static boolean isWindows() {
    return System.getProperty("os.name").startsWith("Windows");
  }

  /** The files below {@code cache}, written there if they are not there whole. */
  Path folder(Path cache) throws IOException {
    Path folder = cache.toAbsolutePath().resolve("pocket-" + manifest.version());
    if (isWhole(folder)) {
      return folder;
    }
    Files.createDirectories(cache);
    // Written aside and moved as one, so that no process ever sees a half-written folder.
    Path aside = folder.resolveSibling(folder.getFileName() + "." + UUID.randomUUID() + ".part");
    try {
      for (Manifest.Entry entry : manifest.entries()) {
        extract(entry, aside);
      }
      publish(aside, folder);
    } finally {
      delete(aside);
    }
    return folder;
  }

  private boolean isWhole(Path folder) throws IOException {
    for (Manifest.Entry entry : manifest.entries()) {
      Path file = folder.resolve(entry.path());
      if (!Files.isRegularFile(file) || Files.size(file) != entry.size()) {
        return false;
      }
    }
    return true;
  }

  private static void extract(Manifest.Entry entry, Path folder) throws IOException {
    Path file = folder.resolve(entry.path());
    Files.createDirectories(file.getParent());
    MessageDigest digest = Manifest.sha256();
    try (InputStream in =
        new DigestInputStream(PocketModel.resource(entry.path()).openStream(), digest)) {
      Files.copy(in, file);
    }
    String found = Manifest.hex(digest.digest());
    if (!found.equals(entry.sha256())) {
      throw new IOException(
          "the pocket model's resource %s is damaged: SHA-256 %s expected, %s found"
              .formatted(entry.path(), entry.sha256(), found));
    }
  }

  private void publish(Path aside, Path folder) throws IOException {
    if (Files.exists(folder) && !isWhole(folder)) {
      // Damaged. Moved away first: deleting in place would show others an ever emptier folder.
      Path damaged = folder.resolveSibling(folder.getFileName() + "." + UUID.randomUUID() + ".bad");
      Files.move(folder, damaged, StandardCopyOption.ATOMIC_MOVE);
      delete(damaged);
    }
    try {
      Files.move(aside, folder, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      // Another process may have been first; its folder serves as well.
      if (!isWhole(folder)) {
        throw e;
      }
    }
  }

  private static void delete(Path folder) throws IOException {
    if (!Files.exists(folder)) {
      return;
    }
    List<Path> paths;
    try (Stream<Path> walk = Files.walk(folder)) {
      paths = walk.sorted(Comparator.reverseOrder()).toList();
    }
    for (Path path : paths) {
      Files.deleteIfExists(path);
    }
  }
}
