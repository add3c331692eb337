"""Outputs of the golden text encoders after a change of their layers' weights.

usage: python text_encoder.py GOLDEN_MODELS

GOLDEN_MODELS is the folder golden/models of the LoRA module's test resources. Element i (from 0, in
row-major order) of every weight and bias of the layers' Linear modules becomes
w[i] + 0.02 * sin(i + 1). Made with transformers 5.18 and PyTorch 2.13 on a CPU, float32, one thread.
"""
import json
import pathlib
import sys

import torch
from safetensors.torch import load_file, save_file
from transformers import CLIPTextModel, CLIPTextModelWithProjection

torch.set_num_threads(1)
models = pathlib.Path(sys.argv[1])
result = {}
for model, folder in [("sd15", "text_encoder"), ("sdxl", "text_encoder"), ("sdxl", "text_encoder_2")]:
    path = models / model / folder
    architecture = json.loads((path / "config.json").read_text())["architectures"][0]
    projected = architecture == "CLIPTextModelWithProjection"
    encoder = (CLIPTextModelWithProjection if projected else CLIPTextModel).from_pretrained(path).eval()
    with torch.no_grad():
        for name, parameter in encoder.named_parameters():
            if "_proj." in name or ".fc" in name:
                steps = torch.arange(1, parameter.numel() + 1, dtype=torch.float64)
                parameter.add_((0.02 * torch.sin(steps)).float().reshape(parameter.shape))
        ids = load_file(models / model / "expected.safetensors")["text/input_ids"][:2]
        output = encoder(input_ids=ids)
    key = f"{model}/{folder}/"
    result[key + "input_ids"] = ids.contiguous()
    result[key + "last_hidden_state"] = output.last_hidden_state.contiguous()
    pooled = "text_embeds" if projected else "pooler_output"
    result[key + pooled] = output[pooled].contiguous()
save_file(result, pathlib.Path(__file__).with_name("text_encoder.safetensors"))
