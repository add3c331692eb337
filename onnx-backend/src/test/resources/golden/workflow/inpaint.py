"""Inpainting: latents with ordinary and with 9-channel models, and pictures with the original put back.

Writes the UNet of the tiny 9-channel model, too; its other parts are those of sd15.
"""

import torch
from common import HERE, MODELS, PROMPT, init_image, latents, pipeline, strip_origin, write
from diffusers import StableDiffusionInpaintPipeline, StableDiffusionXLInpaintPipeline, UNet2DConditionModel
from diffusers.image_processor import VaeImageProcessor
from PIL import Image

SD, XL = StableDiffusionInpaintPipeline, StableDiffusionXLInpaintPipeline
GUIDED = {"guidance_scale": 7.5, "negative_prompt": "black cat"}
PLAIN = {"guidance_scale": 1.0}
UNET = HERE / "sd15-inpaint/unet"


def make_unet():
    torch.manual_seed(9)
    source = UNet2DConditionModel.from_pretrained(MODELS / "sd15/unet")
    unet = UNet2DConditionModel.from_config({**source.config, "in_channels": 9})
    own = unet.state_dict()
    unet.load_state_dict({k: own[k] if k == "conv_in.weight" else v for k, v in source.state_dict().items()})
    unet.save_pretrained(UNET)
    strip_origin(UNET)


def mask_image():
    """Two grey-edged patches that do not keep to the cells of 8 × 8 pixels."""
    mask = Image.new("L", (64, 64))
    mask.paste(255, (9, 17, 40, 50))
    mask.paste(128, (44, 0, 64, 13))
    mask.paste(127, (0, 56, 64, 64))
    mask.save(HERE / "mask.png")
    return mask


# name, pipeline, model, scheduler, seed, mask blur, arguments
CASES = [
    ("lcm-batch2", SD, "sd15", "LCMScheduler", 1, 0, dict(strength=1.0, num_inference_steps=4, num_images_per_prompt=2, **PLAIN)),
    ("ddim-blur", SD, "sd15", "DDIMScheduler", 2, 3, dict(strength=0.7, num_inference_steps=10, eta=0.5, **GUIDED)),
    ("heun", SD, "sd15", "HeunDiscreteScheduler", 3, 0, dict(strength=0.5, num_inference_steps=6, **GUIDED)),
    ("euler-max", SD, "sd15", "EulerDiscreteScheduler", 4, 0, dict(strength=1.0, num_inference_steps=5, **GUIDED)),
    ("taesd", SD, "sd15-taesd", "LCMScheduler", 5, 0, dict(strength=0.8, num_inference_steps=4, **PLAIN)),
    ("sdxl", XL, "sdxl", "EulerAncestralDiscreteScheduler", 6, 0, dict(strength=0.6, num_inference_steps=6, **GUIDED)),
    ("nine-max", SD, "sd15-inpaint", "LCMScheduler", 7, 0, dict(strength=1.0, num_inference_steps=4, **PLAIN)),
    ("nine-batch2", SD, "sd15-inpaint", "EulerDiscreteScheduler", 8, 0, dict(strength=0.7, num_inference_steps=8, num_images_per_prompt=2, **GUIDED)),
    ("nine-dpm", SD, "sd15-inpaint", "DPMSolverMultistepScheduler", 9, 4, dict(strength=1.0, num_inference_steps=6, **GUIDED)),
]

make_unet()
mask = mask_image()
cases, tensors = [], {}
for name, cls, model, scheduler, seed, blur, arguments in CASES:
    parts = {"unet": UNet2DConditionModel.from_pretrained(UNET)} if model == "sd15-inpaint" else {}
    pipe = pipeline(cls, "sd15" if parts else model, scheduler, **parts)
    blurred = VaeImageProcessor.blur(mask, blur) if blur else mask
    size = {"width": 64, "height": 64}
    tensors[name] = latents(pipe, seed, prompt=PROMPT, image=init_image(), mask_image=blurred, **size, **arguments)
    cases.append(
        {"name": name, "model": model, "scheduler": scheduler, "seed": seed, "mask_blur": blur, "arguments": {"prompt": PROMPT, **arguments}}
    )
    if name == "ddim-blur":
        generator = torch.Generator("cpu").manual_seed(seed)
        call = dict(prompt=PROMPT, image=init_image(), mask_image=blurred, generator=generator, **size, **arguments)
        drawn = pipe(**call).images[0]
        pipe.image_processor.apply_overlay(blurred, init_image(), drawn).save(HERE / "overlay.png")
write("inpaint", cases, tensors)
