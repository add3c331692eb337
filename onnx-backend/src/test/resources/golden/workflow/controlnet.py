"""ControlNets: tiny random ones for sd15 and sdxl, and latents of diffusers' ControlNet pipelines."""

import numpy as np
import torch
from common import HERE, MODELS, PROMPT, init_image, latents, pipeline, strip_origin, write
from diffusers import (
    ControlNetModel,
    StableDiffusionControlNetImg2ImgPipeline,
    StableDiffusionControlNetInpaintPipeline,
    StableDiffusionControlNetPipeline,
    StableDiffusionXLControlNetPipeline,
    UNet2DConditionModel,
)
from PIL import Image

SD, XL = StableDiffusionControlNetPipeline, StableDiffusionXLControlNetPipeline
IMG2IMG, INPAINT = StableDiffusionControlNetImg2ImgPipeline, StableDiffusionControlNetInpaintPipeline
GUIDED = {"guidance_scale": 5.0, "negative_prompt": "black cat"}
PLAIN = {"guidance_scale": 1.0}


def make(name, model, seed, **options):
    """A ControlNet with a copy of the UNet's first half and random convolutions where trained ones start from zero."""
    torch.manual_seed(seed)
    unet = UNet2DConditionModel.from_pretrained(MODELS / model / "unet")
    made = ControlNetModel.from_unet(unet, conditioning_embedding_out_channels=(4, 4, 8, 8), conditioning_channels=options.pop("channels", 3))
    net = ControlNetModel.from_config({**made.config, **options})
    state = made.state_dict()
    for key, value in state.items():
        if key.startswith(("controlnet_down_blocks", "controlnet_mid_block", "controlnet_cond_embedding.conv_out")):
            state[key] = torch.randn_like(value) * (0.3 if value.ndim == 4 else 0.05)
    net.load_state_dict(state)
    net.save_pretrained(HERE / name)
    strip_origin(HERE / name)


def picture(name, mode, size, seed):
    rng = np.random.default_rng(seed)
    coarse = Image.fromarray(rng.integers(0, 256, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8))
    image = coarse.resize(size, Image.Resampling.BICUBIC).convert(mode)
    image.save(HERE / f"{name}.png")


make("sd15-controlnet", "sd15", 1)
make("sd15-controlnet-gray", "sd15", 2, channels=1, global_pool_conditions=True)
make("sdxl-controlnet", "sdxl", 3, controlnet_conditioning_channel_order="bgr")
picture("control", "RGB", (64, 64), 1)
picture("control-gray", "L", (64, 64), 2)
picture("control-wide", "RGB", (96, 64), 3)

# name, pipeline, model, ControlNets, pictures, scales, starts, ends, scheduler, seed, arguments
CASES = [
    ("one", SD, "sd15", ["sd15-controlnet"], ["control"], [1.0], [0.0], [1.0], "LCMScheduler", 1, dict(num_inference_steps=4, **PLAIN)),
    ("part", SD, "sd15", ["sd15-controlnet"], ["control-wide"], [0.7], [0.2], [0.8], "DDIMScheduler", 2,
     dict(num_inference_steps=6, num_images_per_prompt=2, width=96, height=64, **GUIDED)),
    ("two", SD, "sd15", ["sd15-controlnet", "sd15-controlnet-gray"], ["control", "control-gray"], [0.5, 1.2], [0.0, 0.3], [0.7, 1.0],
     "EulerDiscreteScheduler", 3, dict(num_inference_steps=6, **GUIDED)),
    ("sdxl", XL, "sdxl", ["sdxl-controlnet"], ["control"], [0.8], [0.0], [1.0], "EulerAncestralDiscreteScheduler", 4,
     dict(num_inference_steps=4, **GUIDED)),
    ("img2img", IMG2IMG, "sd15", ["sd15-controlnet"], ["control"], [1.0], [0.0], [0.5], "LCMScheduler", 5,
     dict(num_inference_steps=6, strength=0.7, **PLAIN)),
    ("inpaint", INPAINT, "sd15-inpaint", ["sd15-controlnet"], ["control"], [1.0], [0.0], [1.0], "DDIMScheduler", 6,
     dict(num_inference_steps=5, strength=1.0, **GUIDED)),
]  # fmt: skip


def control(name):
    """As a tensor, because diffusers would make a grey picture one of three channels."""
    samples = np.array(Image.open(HERE / f"{name}.png"), dtype=np.float32) / 255
    return torch.from_numpy(samples[None, None] if samples.ndim == 2 else samples.transpose(2, 0, 1)[None].copy())


cases, tensors = [], {}
for name, cls, model, nets, images, scales, starts, ends, scheduler, seed, arguments in CASES:
    loaded = [ControlNetModel.from_pretrained(HERE / net) for net in nets]
    parts = {"controlnet": loaded if len(loaded) > 1 else loaded[0]}
    if model == "sd15-inpaint":
        parts["unet"] = UNet2DConditionModel.from_pretrained(HERE / "sd15-inpaint/unet")
    pipe = pipeline(cls, "sd15" if model == "sd15-inpaint" else model, scheduler, **parts)
    controls = [control(image) for image in images]
    call = {
        "prompt": PROMPT,
        "controlnet_conditioning_scale": scales if len(scales) > 1 else scales[0],
        "control_guidance_start": starts if len(starts) > 1 else starts[0],
        "control_guidance_end": ends if len(ends) > 1 else ends[0],
        **arguments,
    }
    own = controls if len(controls) > 1 else controls[0]
    if "strength" in arguments:
        call |= {"image": init_image(), "control_image": own}
    else:
        call |= {"image": own}
    if cls is INPAINT:
        call["mask_image"] = Image.open(HERE / "mask.png")
    tensors[name] = latents(pipe, seed, **call)
    off = {"controlnet_conditioning_scale": [0.0] * len(scales) if len(scales) > 1 else 0.0}
    plain = latents(pipe, seed, **{**call, **off})
    assert (plain - tensors[name]).norm() > 0.05 * plain.norm(), name
    cases.append(
        {"name": name, "model": model, "scheduler": scheduler, "seed": seed, "arguments": {"prompt": PROMPT, **arguments},
         "controls": [{"net": n, "image": i, "scale": s, "start": a, "end": b} for n, i, s, a, b in zip(nets, images, scales, starts, ends)]}
    )  # fmt: skip
write("controlnet", cases, tensors)
