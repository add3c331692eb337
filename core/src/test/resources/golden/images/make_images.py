"""Pictures and what Pillow makes of them: samples, luma, Lanczos resizing, Gaussian blur."""

import base64
import json
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

HERE = Path(__file__).resolve().parent
SIZES = [(37, 23), (64, 64), (20, 23), (37, 9), (8, 8), (50, 30), (1, 1)]
RADII = [0.3, 1, 2.5, 4, 33]

rng = np.random.default_rng(4)
coarse = Image.fromarray(rng.integers(0, 256, (6, 9, 3), dtype=np.uint8))
noise = rng.integers(-40, 41, (23, 37, 3))
colour = np.clip(np.array(coarse.resize((37, 23), Image.Resampling.BICUBIC)).astype(int) + noise, 0, 255)
rgb = Image.fromarray(colour.astype(np.uint8))
alpha = Image.fromarray(rng.integers(0, 256, (23, 37), dtype=np.uint8))
rgba = rgb.copy()
rgba.putalpha(alpha)
mask = Image.fromarray(np.kron(rng.integers(0, 2, (5, 7)) * 255, np.ones((8, 8))).astype(np.uint8))

pictures = {
    "rgb": rgb,
    "gray": rgb.convert("L"),
    "gray-alpha": rgba.convert("LA"),
    "rgba": rgba,
    "palette": rgb.quantize(32),
    "bits": rgb.convert("1"),
    "mask": mask,
}
expected = {}
for name, picture in pictures.items():
    picture.save(HERE / f"{name}.png")
    expected[f"samples/{name}"] = np.array(picture.convert("RGB"))
    expected[f"luma/{name}"] = np.array(picture.convert("L"))
for width, height in SIZES:
    expected[f"resized/{width}x{height}"] = np.array(rgb.resize((width, height), Image.Resampling.LANCZOS))
for radius in RADII:
    expected[f"blurred/{radius}"] = np.array(mask.filter(ImageFilter.GaussianBlur(radius)))
text = {name: base64.b64encode(samples.tobytes()).decode() for name, samples in expected.items()}
(HERE / "expected.json").write_text(json.dumps(text, indent=0) + "\n")
