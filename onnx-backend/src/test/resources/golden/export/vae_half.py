"""A half-precision ONNX export of the VAE of workflow/overflow.py, in optimum's layout: half-precision weights,
arithmetic, inputs and outputs.

usage: python vae_half.py GOLDEN_MODELS

GOLDEN_MODELS is the folder golden/models of the LoRA module's test resources. Made with diffusers 0.40
(development) and PyTorch 2.13's older exporter on a CPU. In float32 its decoder and encoder give what
workflow/overflow.safetensors records.
"""
import json
import pathlib
import sys

import torch
from diffusers import AutoencoderKL
from diffusers.models.attention_processor import AttnProcessor

SCALE = 2.0**17
HERE = pathlib.Path(__file__).resolve().parent

torch.set_grad_enabled(False)
vae = AutoencoderKL.from_pretrained(pathlib.Path(sys.argv[1]) / "sd15/vae")
vae.set_attn_processor(AttnProcessor())
for half in (vae.encoder, vae.decoder):
    attention = half.mid_block.attentions[0]
    attention.to_v.weight *= SCALE
    attention.to_v.bias *= SCALE
    attention.to_out[0].weight /= SCALE
vae.half().eval().requires_grad_(False)


class Half(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.vae = vae


class Decoder(Half):
    def forward(self, latent_sample):
        return self.vae.decode(latent_sample, return_dict=False)[0]


class Encoder(Half):
    def forward(self, sample):
        return self.vae.encode(sample, return_dict=False)[0].parameters


for name, module, channels, size, given, made in [
    ("vae_decoder", Decoder(), 4, 8, "latent_sample", "sample"),
    ("vae_encoder", Encoder(), 3, 64, "sample", "latent_parameters"),
]:
    folder = HERE / "vae-half" / name
    folder.mkdir(parents=True, exist_ok=True)
    axes = {0: "batch", 2: "height", 3: "width"}
    torch.onnx.export(
        module,
        (torch.zeros(1, channels, size, size, dtype=torch.float16),),
        folder / "model.onnx",
        input_names=[given],
        output_names=[made],
        dynamic_axes={given: axes, made: axes},
        opset_version=17,
        dynamo=False,
    )
    config = {key: value for key, value in vae.config.items() if not key.startswith("_name")}
    (folder / "config.json").write_text(json.dumps(config, indent=2) + "\n")
