package io.github.lcm4j.checkpoint;

import io.github.lcm4j.Cancellation;
import java.io.IOException;
import java.nio.channels.FileChannel;
import java.nio.file.AccessDeniedException;
import java.nio.file.FileAlreadyExistsException;
import java.nio.file.FileSystemException;
import java.nio.file.FileVisitOption;
import java.nio.file.FileVisitResult;
import java.nio.file.Files;
import java.nio.file.LinkOption;
import java.nio.file.Path;
import java.nio.file.SimpleFileVisitor;
import java.nio.file.StandardCopyOption;
import java.nio.file.StandardOpenOption;
import java.nio.file.attribute.BasicFileAttributes;
import java.util.ArrayList;
import java.util.Collection;
import java.util.Collections;
import java.util.Comparator;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.UUID;
import java.util.concurrent.CancellationException;
import java.util.function.Predicate;
import java.util.regex.Pattern;
import java.util.stream.Stream;

/**
 * A checkpoint that is being written: in a hidden folder beside its place, moved there when it is
 * whole. Whatever goes wrong before, closing leaves nothing behind.
 *
 * <p>Not for use by several threads, but for the {@link Cancellation} that ends the work.
 */
public final class StagedCheckpoint implements AutoCloseable {
  /** What weights are published as, by safetensors, PyTorch, Flax, TensorFlow and ONNX. */
  private static final Pattern WEIGHTS =
      Pattern.compile(
          "(?i).*(\\.(safetensors|bin|ckpt|pth?|msgpack|h5|gguf|onnx|onnx[._]data|pb)"
              + "|\\.index(\\.\\w+)?\\.json)");

  /** How much is copied between two looks at the cancellation. */
  private static final long CHUNK = 16 << 20;

  private final Path target;
  private final Path folder;
  private final boolean overwrite;
  private final Cancellation cancellation;
  private boolean published;

  private StagedCheckpoint(Path target, Path folder, boolean overwrite, Cancellation cancellation) {
    this.target = target;
    this.folder = folder;
    this.overwrite = overwrite;
    this.cancellation = cancellation;
  }

  /**
   * Begins a checkpoint.
   *
   * @param target the folder it is to be; its parent must exist
   * @param overwrite whether a checkpoint that is there already is to be replaced
   * @param sources files and folders it is made of, which the target may neither hold nor lie in
   * @param cancellation ends the work
   * @throws FileAlreadyExistsException if there is something that is not to be replaced, or that is
   *     no checkpoint
   * @throws IOException if nothing can be written there; the message names it
   */
  public static StagedCheckpoint begin(
      Path target, boolean overwrite, Collection<Path> sources, Cancellation cancellation)
      throws IOException {
    Path place = target.toAbsolutePath().normalize();
    Path parent = place.getParent();
    if (parent == null || !Files.isDirectory(parent)) {
      throw new FileSystemException(
          target.toString(),
          null,
          "cannot be written, the folder %s does not exist".formatted(parent));
    }
    // Through links: of the parent only, for the target itself need not be there.
    place = parent.toRealPath().resolve(place.getFileName());
    for (Path source : sources) {
      Path real = source.toRealPath();
      Path replaced = Files.exists(place) ? place.toRealPath() : place;
      if (real.startsWith(replaced) || (Files.isDirectory(real) && replaced.startsWith(real))) {
        throw new CheckpointException(
            "cannot write %s: it would be mixed up with %s, which it is made of; choose another folder"
                .formatted(target, source));
      }
    }
    if (Files.exists(place, LinkOption.NOFOLLOW_LINKS)) {
      requireReplaceable(target, overwrite);
    }
    Path folder =
        place.resolveSibling(".%s.%s.tmp".formatted(place.getFileName(), UUID.randomUUID()));
    try {
      Files.createDirectory(folder);
    } catch (AccessDeniedException e) {
      throw new AccessDeniedException(
          parent.toString(), null, "no permission to write %s there".formatted(target));
    }
    return new StagedCheckpoint(place, folder, overwrite, cancellation);
  }

  private static void requireReplaceable(Path target, boolean overwrite) throws IOException {
    if (!overwrite) {
      throw new FileAlreadyExistsException(
          target.toString(),
          null,
          "exists already; name another folder, or ask for it to be overwritten");
    }
    boolean replaceable = Files.isDirectory(target);
    if (replaceable) {
      try (Stream<Path> entries = Files.list(target)) {
        replaceable = entries.findAny().isEmpty() || Files.isDirectory(target.resolve("unet"));
      }
    }
    if (!replaceable) {
      throw new FileAlreadyExistsException(
          target.toString(),
          null,
          "is no checkpoint; only a checkpoint or an empty folder is overwritten");
    }
  }

  /** Whether a file's name is one for weights, or for an index of them. */
  public static boolean isWeightFile(Path file) {
    return WEIGHTS.matcher(file.getFileName().toString()).matches();
  }

  /**
   * A file of this checkpoint, to be written now; the folders above it are made.
   *
   * @param relative its place in the checkpoint
   */
  public Path file(Path relative) throws IOException {
    Path file = folder.resolve(relative.toString());
    Files.createDirectories(file.getParent());
    return file;
  }

  /**
   * Copies files of another checkpoint; hidden ones are passed over. Links are followed, for
   * download caches are made of them.
   *
   * @param from a folder
   * @param to where its files go in this checkpoint; an empty path for the same places
   * @param wanted says of a file's place in the folder whether it is to be copied
   * @throws IOException if a file cannot be read or written
   * @throws CancellationException if the work was cancelled
   */
  public void copy(Path from, Path to, Predicate<Path> wanted) throws IOException {
    Files.walkFileTree(
        from,
        EnumSet.of(FileVisitOption.FOLLOW_LINKS),
        Integer.MAX_VALUE,
        new SimpleFileVisitor<>() {
          @Override
          public FileVisitResult preVisitDirectory(Path entry, BasicFileAttributes attributes) {
            return !entry.equals(from) && isHidden(entry)
                ? FileVisitResult.SKIP_SUBTREE
                : FileVisitResult.CONTINUE;
          }

          @Override
          public FileVisitResult visitFile(Path file, BasicFileAttributes attributes)
              throws IOException {
            Path relative = from.relativize(file);
            if (attributes.isRegularFile() && !isHidden(file) && wanted.test(relative)) {
              copyFile(file, to.resolve(relative));
            }
            return FileVisitResult.CONTINUE;
          }
        });
  }

  private static boolean isHidden(Path file) {
    return file.getFileName().toString().startsWith(".");
  }

  private void copyFile(Path source, Path relative) throws IOException {
    try (FileChannel in = FileChannel.open(source, StandardOpenOption.READ);
        FileChannel out =
            FileChannel.open(
                file(relative), StandardOpenOption.CREATE_NEW, StandardOpenOption.WRITE)) {
      long size = in.size();
      for (long done = 0; done < size; ) {
        checkCancelled();
        long count = in.transferTo(done, Math.min(CHUNK, size - done), out);
        if (count == 0) {
          throw new CheckpointException(source + " became shorter while it was copied");
        }
        done += count;
      }
    }
  }

  /**
   * Says of a fault that names nothing, as that of a full disk, what was being written.
   *
   * @param target the checkpoint
   * @param fault anything that was thrown while it was written
   */
  public static IOException explain(Path target, IOException fault) {
    return fault.getClass() == IOException.class
        ? new IOException("cannot write %s: %s".formatted(target, fault.getMessage()), fault)
        : fault;
  }

  /**
   * Ends the work if that is wanted.
   *
   * @throws CancellationException if the work was cancelled or this thread interrupted
   */
  public void checkCancelled() {
    if (cancellation.isCancelled() || Thread.currentThread().isInterrupted()) {
      throw new CancellationException("the writing of %s was cancelled".formatted(target));
    }
  }

  /**
   * Moves the checkpoint to its place.
   *
   * @return the lengths of its files in bytes, by their places in it
   * @throws IOException if it cannot be moved there; what was there is there still
   * @throws CancellationException if the work was cancelled
   */
  public Map<Path, Long> publish() throws IOException {
    Map<Path, Long> sizes = new TreeMap<>();
    try (Stream<Path> walk = Files.walk(folder)) {
      for (Path file : walk.filter(Files::isRegularFile).toList()) {
        sizes.put(folder.relativize(file), Files.size(file));
      }
    }
    checkCancelled();
    Path old = target.resolveSibling(folder.getFileName() + ".old");
    boolean replaces = Files.exists(target, LinkOption.NOFOLLOW_LINKS);
    if (replaces) {
      requireReplaceable(target, overwrite); // it may have come meanwhile
      Files.move(target, old, StandardCopyOption.ATOMIC_MOVE);
    }
    try {
      Files.move(folder, target, StandardCopyOption.ATOMIC_MOVE);
    } catch (IOException e) {
      if (replaces) {
        Files.move(old, target, StandardCopyOption.ATOMIC_MOVE);
      }
      throw e;
    }
    published = true;
    if (replaces) {
      delete(old);
    }
    return Collections.unmodifiableMap(sizes);
  }

  /** Deletes what was written, unless it was {@linkplain #publish published}. */
  @Override
  public void close() throws IOException {
    if (!published) {
      delete(folder);
    }
  }

  private static void delete(Path folder) throws IOException {
    List<Path> paths = new ArrayList<>();
    try (Stream<Path> walk = Files.walk(folder)) { // links are deleted, not what they lead to
      walk.sorted(Comparator.reverseOrder()).forEach(paths::add);
    }
    for (Path path : paths) {
      Files.deleteIfExists(path);
    }
  }
}
