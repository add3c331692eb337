"""Writes reference.safetensors: every type PyTorch has, a scalar, an empty tensor, names that need escaping or sort
differently in UTF-8 and UTF-16. Made with safetensors 0.8.0 and PyTorch 2.13. Usage: python make_reference.py"""
import os

import torch
from safetensors.torch import save_file

TYPES = """bool uint8 int8 float8_e5m2 float8_e4m3fn float8_e8m0fnu float8_e4m3fnuz float8_e5m2fnuz int16 uint16 float16
bfloat16 int32 uint32 float32 complex64 float64 int64 uint64""".split()
tensors = {name: torch.arange(1, 4, dtype=torch.float32).to(getattr(torch, name)) for name in TYPES}
tensors["é"] = torch.zeros(3)
tensors["\U0001f600"] = torch.ones(1)
tensors["\uffff"] = torch.ones(1) * 2
tensors['quote" backslash\\ slash/ tab\t \x01 delete\x7f'] = torch.tensor(0.5)
tensors["empty"] = torch.zeros(0, 3)
tensors["b"] = torch.arange(6.0).reshape(2, 3)
folder = os.path.dirname(os.path.abspath(__file__))
save_file(tensors, os.path.join(folder, "reference.safetensors"), metadata={"key\n": 'value "é"'})
