package io.github.lcm4j.lora;

import io.github.lcm4j.safetensors.WeightSource;
import java.util.HashMap;
import java.util.LinkedHashSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import org.jspecify.annotations.Nullable;

/**
 * The modules of one component, to be found under every name a LoRA file may give them.
 *
 * <p>Kohya's keys have underscores for dots, so names are compared with all dots turned into
 * underscores: taking a key apart again would have to guess which underscores were dots.
 */
final class ModuleTable {
  private static final String TEXT_MODEL = "text_model.";

  private final String component;
  private final WeightSource base;
  private final Set<String> modules = new LinkedHashSet<>();
  private final Map<String, String> byName = new HashMap<>();

  ModuleTable(String component, WeightSource base) {
    this.component = component;
    this.base = base;
    for (String name : base.names()) {
      if (name.endsWith(".weight") || name.endsWith(".bias")) {
        modules.add(name.substring(0, name.lastIndexOf('.')));
      }
    }
    if (component.equals("unet")) {
      OriginalNames originals = new OriginalNames(modules);
      for (String module : modules) {
        addUnetNames(module, module);
        String original = originals.of(module);
        if (original != null) {
          addUnetNames(original, module);
        }
      }
    } else {
      modules.forEach(this::addTextEncoderNames);
    }
  }

  private void addUnetNames(String name, String module) {
    add(name, module);
    if (name.endsWith(".to_out.0")) { // attention processors knew it as to_out
      add(name.substring(0, name.length() - ".0".length()), module);
    }
  }

  private void addTextEncoderNames(String module) {
    String bare = module.startsWith(TEXT_MODEL) ? module.substring(TEXT_MODEL.length()) : module;
    // The first generation of diffusers' files names the projections as the UNet's attention does.
    String old = bare.replaceFirst("self_attn\\.([qkv]|out)_proj$", "self_attn.to_$1");
    for (String name : List.of(bare, old)) {
      add(name, module);
      add(TEXT_MODEL + name, module);
    }
  }

  private void add(String name, String module) {
    byName.putIfAbsent(flatten(name), module);
  }

  private static String flatten(String name) {
    return name.replace('.', '_');
  }

  /** The component's name. */
  String component() {
    return component;
  }

  /** The component's weights. */
  WeightSource base() {
    return base;
  }

  /** The paths of all modules. */
  Set<String> modules() {
    return modules;
  }

  /** The path PEFT's patterns are written for, whether or not the checkpoint shortens it. */
  String fullPath(String module) {
    return component.equals("unet") || module.startsWith(TEXT_MODEL) ? module : TEXT_MODEL + module;
  }

  /** The path of a module a LoRA file names, or null if this component has no such module. */
  @Nullable String find(String name) {
    return byName.get(flatten(name));
  }
}
