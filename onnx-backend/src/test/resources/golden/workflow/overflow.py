"""What a VAE gives in float32 that overflows in half precision.

It is that of the model sd15 with the values of both attentions scaled by 2**17, and their projections back by
2**-17: the weights have a place among the half-precision numbers, to which they are rounded, their sums have not.
"""

import torch
from common import HERE, MODELS
from diffusers import AutoencoderKL
from safetensors.torch import load_file, save_file

SCALE = 2.0**17

given = load_file(MODELS / "sd15/expected.safetensors")
vae = AutoencoderKL.from_pretrained(MODELS / "sd15/vae")
for half in (vae.encoder, vae.decoder):
    attention = half.mid_block.attentions[0]
    attention.to_v.weight *= SCALE
    attention.to_v.bias *= SCALE
    attention.to_out[0].weight /= SCALE
vae.half().float()  # the weights as they are stored

tensors = {
    "decoded": vae.decode(given["vae/latent"]).sample,
    "encoded": vae.encode(given["vae/image"]).latent_dist.mean,
}
assert all(torch.isfinite(tensor).all() for tensor in tensors.values())
vae.half()
assert all(torch.isfinite(parameter).all() for parameter in vae.parameters())
assert not torch.isfinite(vae.decode(given["vae/latent"].half()).sample).all(), "half precision must overflow"
assert not torch.isfinite(vae.encode(given["vae/image"].half()).latent_dist.mean).all(), "half precision must overflow"
save_file({name: tensor.contiguous() for name, tensor in tensors.items()}, HERE / "overflow.safetensors")
