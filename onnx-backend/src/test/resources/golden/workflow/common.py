"""What the scripts of this folder share."""

import json
from pathlib import Path

import diffusers
import torch
from PIL import Image
from safetensors.torch import save_file

HERE = Path(__file__).resolve().parent
MODELS = HERE.parents[5] / "lora/src/test/resources/golden/models"
PROMPT = "a red apple, on a blue background!"

torch.set_num_threads(1)
torch.set_grad_enabled(False)
diffusers.logging.set_verbosity_error()


def pipeline(cls, model, scheduler, **parts):
    """A diffusers pipeline of class `cls` over a tiny checkpoint, with a scheduler by name."""
    if "XL" not in cls.__name__:
        parts.setdefault("safety_checker", None)
    pipe = cls.from_pretrained(MODELS / model, **parts)
    pipe.set_progress_bar_config(disable=True)
    pipe.scheduler = getattr(diffusers, scheduler).from_config(pipe.scheduler.config)
    return pipe


def init_image():
    return Image.open(MODELS / "sd15/init.png").convert("RGB")


def latents(pipe, seed, **arguments):
    generator = torch.Generator("cpu").manual_seed(seed)
    return pipe(generator=generator, output_type="latent", **arguments).images.contiguous()


def strip_origin(folder):
    """Takes the path a model was loaded from out of its configuration."""
    file = folder / "config.json"
    config = json.loads(file.read_text())
    config.pop("_name_or_path", None)
    file.write_text(json.dumps(config, indent=2) + "\n")


def write(name, cases, tensors):
    (HERE / f"{name}.json").write_text(json.dumps(cases, indent=1) + "\n")
    save_file(tensors, HERE / f"{name}.safetensors")
