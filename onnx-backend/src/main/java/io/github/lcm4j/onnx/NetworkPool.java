package io.github.lcm4j.onnx;

import java.io.IOException;
import java.util.ArrayList;
import java.util.HashMap;
import java.util.Iterator;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * The networks of one checkpoint under different LoRAs, shared by all models made from it. For each
 * part it keeps the two that were used last, so that going back to a recent combination costs
 * nothing; a network in use elsewhere lives on when it drops out. Safe for use by several threads.
 */
final class NetworkPool {
  private static final int RECENT = 2;

  /**
   * A network's identity.
   *
   * @param part for instance {@code unet}
   * @param loras the LoRAs folded into it; empty for the pristine part
   */
  record Key(String part, List<LoraKey> loras) {
    boolean isOf(String name) {
      return part.equals(name);
    }
  }

  /** Creates a network that is not in the pool. */
  interface Creation {
    Network create() throws IOException;
  }

  private final Map<Key, Network> recent = new LinkedHashMap<>(16, 0.75f, true);
  private final Map<List<LoraKey>, LoraFold.Footprint> footprints = new HashMap<>();
  private int users = 1;

  /** What LoRAs change, remembered so that a recent combination need not be folded to know it. */
  synchronized LoraFold.Footprint footprint(List<LoraKey> loras, LoraFold fold) throws IOException {
    LoraFold.Footprint footprint = footprints.get(loras);
    if (footprint == null) {
      footprint = fold.footprint();
      footprints.put(loras, footprint);
    }
    return footprint;
  }

  /**
   * A network, from the pool or new.
   *
   * @return a network that the caller must release
   */
  synchronized Network get(Key key, Creation creation) throws IOException {
    Network network = recent.get(key);
    if (network != null) {
      return network.retain();
    }
    makeRoom(key.part());
    network = creation.create();
    recent.put(key, network.retain());
    return network;
  }

  /** Before the new one is created, so that three never take memory at once. */
  private void makeRoom(String part) {
    List<Key> held = new ArrayList<>();
    for (Key key : recent.keySet()) {
      if (key.isOf(part)) {
        held.add(key);
      }
    }
    Iterator<Key> eldest = held.iterator();
    for (int i = held.size(); i >= RECENT; i--) {
      recent.remove(eldest.next()).release();
    }
  }

  /** One more model that uses the pool. */
  synchronized NetworkPool retain() {
    users++;
    return this;
  }

  /** One model less; the last one lets go of all networks. */
  synchronized void release() {
    if (--users == 0) {
      recent.values().forEach(Network::release);
      recent.clear();
    }
  }
}
