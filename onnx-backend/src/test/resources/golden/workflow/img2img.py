"""Image to image: latents of diffusers' two ways of using strength."""

from common import PROMPT, init_image, latents, pipeline, write
from diffusers import (
    LatentConsistencyModelImg2ImgPipeline,
    StableDiffusionImg2ImgPipeline,
    StableDiffusionXLImg2ImgPipeline,
)

SD, XL, LCM = (
    StableDiffusionImg2ImgPipeline,
    StableDiffusionXLImg2ImgPipeline,
    LatentConsistencyModelImg2ImgPipeline,
)
GUIDED = {"guidance_scale": 7.5, "negative_prompt": "black cat"}
PLAIN = {"guidance_scale": 1.0}

# name, pipeline, model, scheduler, seed, arguments
CASES = [
    ("lcm-own", LCM, "lcm-full", "LCMScheduler", 1, dict(strength=0.6, num_inference_steps=4, guidance_scale=8.5)),
    (
        "lcm-own-batch2",
        LCM,
        "lcm-full",
        "LCMScheduler",
        2,
        dict(strength=0.35, num_inference_steps=3, guidance_scale=3.0, num_images_per_prompt=2, original_inference_steps=40),
    ),
    (
        "lcm-own-timesteps",
        LCM,
        "lcm-full",
        "LCMScheduler",
        3,
        dict(strength=0.5, num_inference_steps=4, timesteps=[999, 759, 499, 259], guidance_scale=5.0),
    ),
    ("lcm-full-cut", SD, "lcm-full", "LCMScheduler", 4, dict(strength=0.6, num_inference_steps=4, guidance_scale=8.5)),
    ("ddim", SD, "sd15", "DDIMScheduler", 5, dict(strength=0.7, num_inference_steps=10, eta=0.5, **GUIDED)),
    ("euler-max", SD, "sd15", "EulerDiscreteScheduler", 6, dict(strength=1.0, num_inference_steps=5, **GUIDED)),
    ("heun", SD, "sd15", "HeunDiscreteScheduler", 7, dict(strength=0.5, num_inference_steps=6, **GUIDED)),
    ("pndm", SD, "sd15", "PNDMScheduler", 8, dict(strength=0.8, num_inference_steps=10, **GUIDED)),
    ("dpm", SD, "sd15", "DPMSolverMultistepScheduler", 9, dict(strength=0.75, num_inference_steps=8, **GUIDED)),
    ("unipc", SD, "sd21-v", "UniPCMultistepScheduler", 10, dict(strength=0.75, num_inference_steps=8, **GUIDED)),
    ("taesd", SD, "sd15-taesd", "LCMScheduler", 11, dict(strength=0.6, num_inference_steps=4, num_images_per_prompt=2, **PLAIN)),
    ("ancestral", XL, "sdxl", "EulerAncestralDiscreteScheduler", 12, dict(strength=0.6, num_inference_steps=6, **GUIDED)),
    ("tcd", XL, "ssd1b", "TCDScheduler", 13, dict(strength=0.6, num_inference_steps=4, eta=0.3, **PLAIN)),
]

cases, tensors = [], {}
for name, cls, model, scheduler, seed, arguments in CASES:
    pipe = pipeline(cls, model, scheduler)
    tensors[name] = latents(pipe, seed, prompt=PROMPT, image=init_image(), **arguments)
    # The library chooses as diffusers does, but for a full LCM in the ordinary pipeline.
    mode = "CUT_SCHEDULE" if name == "lcm-full-cut" else None
    cases.append(
        {"name": name, "model": model, "scheduler": scheduler, "seed": seed, "mode": mode, "arguments": {"prompt": PROMPT, **arguments}}
    )
write("img2img", cases, tensors)
