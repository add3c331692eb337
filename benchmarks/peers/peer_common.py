"""What the peer scripts share: JSON lines, timing, memory, and a description of the machine. Standard library only."""

import gc
import importlib
import json
import os
import platform
import re
import resource
import statistics
import sys
import time


def emit(measurement, **values):
    """Prints one JSON line."""
    print(json.dumps({"measurement": measurement, **values}), flush=True)


def require(*names):
    """Imports the packages and returns them; a missing one ends the script with exit code 3 and its name in JSON."""
    modules = []
    for name in names:
        try:
            modules.append(importlib.import_module(name))
        except ImportError as error:
            # A package that checks its own dependencies by metadata puts a sentence where the name belongs.
            quoted = re.search(r"'([\w.-]+)' distribution", str(error))
            missing = quoted.group(1) if quoted else (error.name or name).split(".")[0]
            print(json.dumps({"missing": missing, "needed_by": name}), flush=True)
            sys.exit(3)
    return modules


def _field(path, name):
    try:
        with open(path, encoding="utf-8") as lines:
            return next((line.split(":", 1)[1].strip() for line in lines if line.startswith(name)), None)
    except OSError:
        return None


def machine():
    total = _field("/proc/meminfo", "MemTotal")
    return {
        "cpu": _field("/proc/cpuinfo", "model name") or platform.processor() or platform.machine(),
        "cores": len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count(),
        "memory_bytes": int(total.split()[0]) * 1024 if total else None,
        "system": platform.platform(),
    }


def reset_peak():
    """Starts a new peak of resident memory; False where the system cannot (the peak is then the process's own)."""
    try:
        with open("/proc/self/clear_refs", "w", encoding="ascii") as file:
            file.write("5")
        return True
    except OSError:
        return False


def memory():
    """Bytes: resident now, peak since the last reset (VmHWM), peak of the process (getrusage)."""

    def status(name):
        value = _field("/proc/self/status", name)
        return int(value.split()[0]) * 1024 if value else None

    unit = 1 if sys.platform == "darwin" else 1024
    return {
        "resident_bytes": status("VmRSS"),
        "peak_bytes": status("VmHWM"),
        "process_peak_bytes": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit,
    }


def measure(measurement, action, warmup, repetitions, **values):
    """Times `action` and prints each repetition in milliseconds, with the peak of memory while they ran.

    Returns what the last repetition returned.
    """
    for _ in range(warmup):
        action()
    gc.collect()
    reset = reset_peak()
    milliseconds = []
    result = None
    for _ in range(repetitions):
        result = None  # the next repetition must not pay for, or share memory with, the last one's result
        gc.collect()
        start = time.perf_counter_ns()
        result = action()
        milliseconds.append(round((time.perf_counter_ns() - start) / 1e6, 3))
    emit(
        measurement,
        **values,
        warmup=warmup,
        milliseconds=milliseconds,
        median=round(statistics.median(milliseconds), 3),
        minimum=min(milliseconds),
        **memory(),
        peak_was_reset=reset,
    )
    return result


def common_arguments(parser):
    parser.add_argument("--checkpoint", required=True, help="checkpoint folder in diffusers layout; the UNet alone is enough for --measure unet,fold")
    parser.add_argument("--threads", type=int, default=len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count())
    parser.add_argument("--width", type=int, default=512)
    parser.add_argument("--height", type=int, default=512)
    parser.add_argument("--batch", type=int, default=1, help="rows per UNet call: with classifier-free guidance, twice the pictures")
    parser.add_argument("--warmup", type=int, default=2)
    parser.add_argument("--repetitions", type=int, default=5)


def weight_variant(checkpoint):
    """from_pretrained's argument for a UNet that is there as *.fp16.safetensors only."""
    files = os.listdir(os.path.join(checkpoint, "unet"))
    plain = any(name.endswith((".safetensors", ".index.json")) and ".fp16" not in name for name in files)
    return {} if plain else {"variant": "fp16"}


def read_json(*path):
    with open(os.path.join(*path), encoding="utf-8") as file:
        return json.load(file)


def latent_factor(checkpoint):
    """Picture pixels per latent: from the VAE's configuration, 8 where the checkpoint has none."""
    path = os.path.join(checkpoint, "vae", "config.json")
    if not os.path.exists(path):
        return 8
    config = read_json(path)
    blocks = config.get("block_out_channels") or config.get("decoder_block_out_channels") or [0] * 4
    return 2 ** (len(blocks) - 1)


def unet_shapes(config, checkpoint, width, height, batch, tokens=77):
    """The UNet's inputs besides the timestep, name to shape, in the order of its forward method."""
    factor = latent_factor(checkpoint)
    text = os.path.join(checkpoint, "text_encoder", "config.json")
    if os.path.exists(text):
        tokens = read_json(text).get("max_position_embeddings", tokens)
    context = config.get("encoder_hid_dim") or config.get("cross_attention_dim", 1280)
    context = context[0] if isinstance(context, list) else context
    shapes = {
        "sample": [batch, config.get("in_channels", 4), height // factor, width // factor],
        "encoder_hidden_states": [batch, tokens, context],
    }
    if config.get("time_cond_proj_dim"):
        shapes["timestep_cond"] = [batch, config["time_cond_proj_dim"]]
    if config.get("addition_embed_type") == "text_time":
        pooled = config["projection_class_embeddings_input_dim"] - 6 * config["addition_time_embed_dim"]
        shapes["text_embeds"] = [batch, pooled]
        shapes["time_ids"] = [batch, 6]  # original size, crop and target size
    return shapes
