"""Large pictures through the autoencoder in tiles: a picture, and latents of image to image."""

import torch
from common import HERE, PROMPT, init_image, latents, pipeline, write
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline

SIZE = {"width": 160, "height": 112}
CALL = {"prompt": PROMPT, "num_inference_steps": 2, "guidance_scale": 1.0}

pipe = pipeline(StableDiffusionPipeline, "sd15", "LCMScheduler")
whole = pipe(generator=torch.Generator().manual_seed(1), output_type="np", **SIZE, **CALL).images
pipe.vae.enable_tiling()
picture = pipe(generator=torch.Generator().manual_seed(1), **SIZE, **CALL).images[0]
picture.save(HERE / "tiled.png")
tiled = pipe(generator=torch.Generator().manual_seed(1), output_type="np", **SIZE, **CALL).images
assert abs(whole - tiled).max() * 255 > 8, "tiling must show"

image = init_image().resize((160, 112))
image.save(HERE / "wide.png")
pipe = pipeline(StableDiffusionImg2ImgPipeline, "sd15", "LCMScheduler")
call = {**CALL, "num_inference_steps": 4, "strength": 0.5}
whole = latents(pipe, 2, image=image, **call)
pipe.vae.enable_tiling()
tensors = {"encoded": latents(pipe, 2, image=image, **call)}
assert (whole - tensors["encoded"]).norm() > 0.01 * whole.norm(), "tiling must show"
cases = [{"name": "encoded", "model": "sd15", "scheduler": "LCMScheduler", "seed": 2, "arguments": call}]
write("tiling", cases, tensors)
