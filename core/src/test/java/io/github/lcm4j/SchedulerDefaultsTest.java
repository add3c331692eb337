package io.github.lcm4j;

import static org.junit.jupiter.api.Assertions.assertEquals;
import static org.junit.jupiter.api.Assertions.assertFalse;
import static org.junit.jupiter.api.Assertions.assertTrue;

import io.github.lcm4j.checkpoint.Checkpoint;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** What StableDiffusionPipeline corrects, with and without {@code from_config} after it. */
class SchedulerDefaultsTest {
  @TempDir private Path folder;

  private Checkpoint checkpoint(String pipeline, String scheduler) throws IOException {
    Files.createDirectories(folder.resolve("unet"));
    Files.createDirectories(folder.resolve("scheduler"));
    Files.writeString(
        folder.resolve("model_index.json"), "{\"_class_name\": \"%s\"}".formatted(pipeline));
    Files.writeString(folder.resolve("scheduler/scheduler_config.json"), scheduler);
    return Checkpoint.open(folder);
  }

  @Test
  void whatTheFileLeavesOutIsCorrectedForItsOwnSchedulerOnly() throws IOException {
    Checkpoint bare = checkpoint("StableDiffusionPipeline", "{\"_class_name\": \"DDIMScheduler\"}");
    SchedulerConfig own = SchedulerDefaults.amend(bare, true);
    assertEquals(1, own.get("steps_offset").asInt());
    assertFalse(own.get("clip_sample").asBoolean(true));
    SchedulerConfig other = SchedulerDefaults.amend(bare, false);
    assertTrue(other.get("steps_offset").isMissingNode());
    assertTrue(other.get("clip_sample").isMissingNode());
  }

  @Test
  void whatTheFileSaysIsCorrectedForAnyScheduler() throws IOException {
    String outdated =
        "{\"_class_name\": \"DDIMScheduler\", \"steps_offset\": 0, \"clip_sample\": true}";
    SchedulerConfig amended =
        SchedulerDefaults.amend(checkpoint("StableDiffusionPipeline", outdated), false);
    assertEquals(1, amended.get("steps_offset").asInt());
    assertFalse(amended.get("clip_sample").asBoolean(true));
    SchedulerConfig xl =
        SchedulerDefaults.amend(checkpoint("StableDiffusionXLPipeline", outdated), true);
    assertEquals(0, xl.get("steps_offset").asInt());
    assertTrue(xl.get("clip_sample").asBoolean(false));
  }
}
