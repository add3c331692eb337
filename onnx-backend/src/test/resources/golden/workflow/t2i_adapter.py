"""T2I-Adapters: tiny random ones of the three kinds, a UNet of three blocks for that of SDXL, and latents."""

import numpy as np
import torch
from common import HERE, MODELS, PROMPT, latents, pipeline, strip_origin, write
from diffusers import StableDiffusionAdapterPipeline, StableDiffusionXLAdapterPipeline, T2IAdapter, UNet2DConditionModel
from PIL import Image

SD, XL = StableDiffusionAdapterPipeline, StableDiffusionXLAdapterPipeline
GUIDED = {"guidance_scale": 5.0, "negative_prompt": "black cat"}
PLAIN = {"guidance_scale": 1.0}


def save(model, name):
    """Stored in half precision; all is computed with the numbers so rounded."""
    model.half().save_pretrained(HERE / name)
    strip_origin(HERE / name)


def adapter(name, seed, **options):
    torch.manual_seed(seed)
    made = T2IAdapter(**options)
    for parameter in made.parameters():
        parameter *= 2
    save(made, name)


adapter("sd15-adapter", 1, channels=[8, 16], num_res_blocks=1)
adapter("sd15-adapter-light", 2, channels=[8, 16], num_res_blocks=2, adapter_type="light_adapter", in_channels=1)
adapter("sdxl-adapter", 3, channels=[4, 8, 8, 8], num_res_blocks=1, adapter_type="full_adapter_xl", downscale_factor=16, in_channels=1)

torch.manual_seed(4)
config = dict(UNet2DConditionModel.load_config(MODELS / "sdxl/unet"))
config |= {
    "block_out_channels": [4, 8, 8],
    "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D", "CrossAttnDownBlock2D"],
    "up_block_types": ["CrossAttnUpBlock2D", "CrossAttnUpBlock2D", "UpBlock2D"],
    "transformer_layers_per_block": 1,
    "attention_head_dim": 2,
    "norm_num_groups": 2,
}
config = {key: value for key, value in config.items() if not key.startswith("_")}
save(UNet2DConditionModel(**config), "sdxl-three-blocks/unet")

# name, pipeline, model, adapters, pictures, scales, factor, scheduler, seed, arguments
CASES = [
    ("full", SD, "sd15", ["sd15-adapter"], ["control"], [1.0], 1.0, "LCMScheduler", 1, dict(num_inference_steps=4, **PLAIN)),
    ("light", SD, "sd15", ["sd15-adapter-light"], ["control-gray"], [0.8], 1.0, "DDIMScheduler", 2, dict(num_inference_steps=4, num_images_per_prompt=2, **GUIDED)),
    ("two", SD, "sd15", ["sd15-adapter", "sd15-adapter"], ["control-wide", "control-wide"], [0.5, -1.2], 1.0, "EulerDiscreteScheduler", 3, dict(num_inference_steps=4, width=96, height=64, **GUIDED)),
    ("sdxl", XL, "sdxl-three-blocks", ["sdxl-adapter"], ["control-gray"], [1.0], 1.0, "EulerDiscreteScheduler", 4, dict(num_inference_steps=4, width=64, height=64, **GUIDED)),
    ("sdxl-part", XL, "sdxl-three-blocks", ["sdxl-adapter"], ["control-gray"], [1.5], 0.5, "DDIMScheduler", 5, dict(num_inference_steps=5, width=64, height=64, **PLAIN)),
]  # fmt: skip


def control(name):
    samples = np.array(Image.open(HERE / f"{name}.png"), dtype=np.float32) / 255
    return torch.from_numpy(samples[None, None] if samples.ndim == 2 else samples.transpose(2, 0, 1)[None].copy())


cases, tensors = [], {}
for name, cls, model, folders, images, scales, factor, scheduler, seed, arguments in CASES:
    several = len(folders) > 1
    loaded = [T2IAdapter.from_pretrained(HERE / folder, torch_dtype=torch.float32) for folder in folders]
    parts = {"adapter": loaded if several else loaded[0]}
    if model == "sdxl-three-blocks":
        parts["unet"] = UNet2DConditionModel.from_pretrained(HERE / model / "unet", torch_dtype=torch.float32)
    pipe = pipeline(cls, "sdxl" if model == "sdxl-three-blocks" else model, scheduler, **parts)
    pictures = [control(image) for image in images]
    call = {
        "prompt": PROMPT,
        "image": pictures if several else pictures[0],
        "adapter_conditioning_scale": scales if several else scales[0],
        **({"adapter_conditioning_factor": factor} if cls is XL else {}),
        **{"width": 64, "height": 64},
        **arguments,
    }
    tensors[name] = latents(pipe, seed, **call)
    plain = latents(pipe, seed, **{**call, "adapter_conditioning_scale": [0.0] * len(scales) if several else 0.0})
    assert (plain - tensors[name]).norm() > 0.02 * plain.norm(), (name, (plain - tensors[name]).norm() / plain.norm())
    cases.append(
        {"name": name, "model": model, "scheduler": scheduler, "seed": seed, "arguments": {"prompt": PROMPT, **arguments},
         "adapters": [{"net": n, "image": i, "scale": s, "factor": factor} for n, i, s in zip(folders, images, scales)]}
    )  # fmt: skip
write("t2i_adapter", cases, tensors)
