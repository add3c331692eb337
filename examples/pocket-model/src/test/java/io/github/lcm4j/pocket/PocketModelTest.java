package io.github.lcm4j.pocket;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assertions.assertTrue;

import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.concurrent.Callable;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class PocketModelTest {
  @TempDir Path temporary;

  @Test
  void plainFilesAreUsedInPlace() throws IOException {
    Path checkpoint = PocketModel.checkpoint();
    assertTrue(Files.isRegularFile(checkpoint.resolve("model_index.json")), checkpoint.toString());
    assertEquals(checkpoint.resolveSibling("pocket-lcm-lora.safetensors"), PocketModel.lcmLora());
    assertTrue(Files.isRegularFile(PocketModel.lcmLora()));
  }

  @Test
  void manifestListsExactlyTheFilesThereAreWithTheirContent() throws IOException {
    Manifest manifest = Manifest.read();
    assertEquals(
        filesBelow(PocketModel.checkpoint().getParent()).stream()
            .filter(name -> !name.equals("manifest.txt") && !name.endsWith(".class"))
            .collect(Collectors.toSet()),
        paths(manifest));
    // Extraction checks each digest.
    Path folder = new ResourceCache(manifest).folder(temporary);
    assertEquals(paths(manifest), filesBelow(folder));
    for (Manifest.Entry entry : manifest.entries()) {
      assertEquals(entry.size(), Files.size(folder.resolve(entry.path())), entry.path());
    }
  }

  @Test
  void wholeFolderIsKeptAndDamagedOneIsReplaced() throws IOException {
    ResourceCache cache = new ResourceCache(Manifest.read());
    Path folder = cache.folder(temporary);
    Path mark = Files.createFile(folder.resolve("mark"));
    assertEquals(folder, cache.folder(temporary));
    assertTrue(Files.exists(mark), "a whole folder was written again");

    Files.write(folder.resolve("checkpoint/vae/config.json"), new byte[] {'{'});
    assertEquals(folder, cache.folder(temporary));
    assertFalse(Files.exists(mark), "a damaged folder was kept");
    assertEquals(
        Set.of(folder.getFileName().toString()),
        Set.of(temporary.toFile().list()),
        "left behind beside the folder");
  }

  @Test
  void severalAskersGetOneWholeFolder() throws Exception {
    Manifest manifest = Manifest.read();
    ExecutorService threads = Executors.newFixedThreadPool(4);
    try {
      List<Callable<Path>> askers = new ArrayList<>();
      for (int i = 0; i < 4; i++) {
        // One cache object each, as in separate processes.
        askers.add(() -> new ResourceCache(manifest).folder(temporary));
      }
      for (Future<Path> asker : threads.invokeAll(askers)) {
        assertEquals(paths(manifest), filesBelow(asker.get()));
      }
    } finally {
      threads.shutdown();
    }
    assertEquals(1, temporary.toFile().list().length);
  }

  @Test
  void damagedResourceIsRefusedAndLeavesNothing() throws IOException {
    Manifest.Entry real = Manifest.read().entries().get(0);
    Manifest wrong = new Manifest("x", List.of(new Manifest.Entry("00", real.size(), real.path())));
    IOException fault =
        assertThrows(IOException.class, () -> new ResourceCache(wrong).folder(temporary));
    assertTrue(fault.getMessage().contains(real.path()), fault.getMessage());
    assertTrue(fault.getMessage().contains(real.sha256()), fault.getMessage());
    assertEquals(0, temporary.toFile().list().length);
  }

  @Test
  void cacheFolderThatCannotBeWrittenIsNamedWithTheRemedy() throws IOException {
    Path file = Files.createFile(temporary.resolve("file"));
    System.setProperty(PocketModel.CACHE_PROPERTY, file.resolve("cache").toString());
    try {
      IOException fault =
          assertThrows(IOException.class, () -> new ResourceCache(Manifest.read()).folder());
      assertTrue(fault.getMessage().contains(file.toString()), fault.getMessage());
      assertTrue(fault.getMessage().contains("-Dlcm4j.cache="), fault.getMessage());
    } finally {
      System.clearProperty(PocketModel.CACHE_PROPERTY);
    }
  }

  private static Set<String> paths(Manifest manifest) {
    return manifest.entries().stream().map(Manifest.Entry::path).collect(Collectors.toSet());
  }

  private static Set<String> filesBelow(Path folder) throws IOException {
    try (Stream<Path> walk = Files.walk(folder)) {
      return walk.filter(Files::isRegularFile)
          .map(file -> folder.relativize(file).toString().replace('\\', '/'))
          .collect(Collectors.toSet());
    }
  }
}
