"""Prompts: weights in brackets, chunks of 75 tokens, skipped layers, textual inversion.

Embeddings are computed here and handed to diffusers' pipelines, except where diffusers itself does what is asked. The weighting is
that of web UIs: each chunk's embeddings times the tokens' weights, then times what brings the chunk's mean back. How brackets become
(text, weight) pairs is tested apart; here the pairs are spelled out. "BREAK" is a pair of its own.
"""

import torch
from common import HERE, latents, pipeline, write
from diffusers import StableDiffusionPipeline, StableDiffusionXLPipeline
from safetensors.torch import save_file
from transformers import CLIPTextModel

# diffusers still looks for the module that transformers 5 did away with.
CLIPTextModel.text_model = property(lambda self: self)

SD, XL = StableDiffusionPipeline, StableDiffusionXLPipeline
LONG = (
    "a wide mountain lake at sunrise with red and golden clouds, a small wooden boat near the shore, two people with a dog on the"
    " pier, birds over the forest, mist above the water, soft light, a painting in the style of the old masters! very detailed,"
    " high quality, warm colours and a calm mood, by a famous artist of the last century"
)


def chunks_of(pairs, tokenizer):
    room = tokenizer.model_max_length - 2
    chunks, current = [], []
    for text, weight in pairs:
        if text == "BREAK":
            chunks.append(current)
            current = []
            continue
        for token in tokenizer(text, add_special_tokens=False).input_ids:
            if len(current) == room:
                chunks.append(current)
                current = []
            current.append((token, weight))
    return chunks + [current] if current or not chunks else chunks


def encode(pipe, pairs, count, long, skip=0):
    """Hidden states of a text, with the pooled embedding of its first chunk."""
    xl = isinstance(pipe, XL)
    states, pooled = [], None
    parts = [(pipe.tokenizer, pipe.text_encoder)] + ([(pipe.tokenizer_2, pipe.text_encoder_2)] if xl else [])
    for tokenizer, encoder in parts:
        chunks = chunks_of(pairs, tokenizer)
        chunks = chunks + [[]] * (count - len(chunks)) if long else chunks[:1]
        encoded = []
        for number, chunk in enumerate(chunks):
            room = tokenizer.model_max_length - 2 - len(chunk)
            ids = [tokenizer.bos_token_id, *(t for t, _ in chunk), tokenizer.eos_token_id] + [tokenizer.pad_token_id] * room
            weights = torch.tensor([1.0, *(w for _, w in chunk), 1.0] + [1.0] * room)
            out = encoder(torch.tensor([ids]), output_hidden_states=True)
            if xl:
                hidden = out.hidden_states[-2 - skip]
                if number == 0 and out[0].ndim == 2:
                    pooled = out[0]
            else:
                hidden = encoder.final_layer_norm(out.hidden_states[-1 - skip])
            mean = hidden.mean()
            hidden = hidden * weights[None, :, None]
            encoded.append(hidden * (mean / hidden.mean()))
        states.append(torch.cat(encoded, dim=1))
    return torch.cat(states, dim=-1), pooled


def call(pipe, seed, prompt, negative=None, long=False, skip=0, steps=3, guidance=4.0):
    xl = isinstance(pipe, XL)
    count = 1
    if long:
        for tokenizer in [pipe.tokenizer] + ([pipe.tokenizer_2] if xl else []):
            for pairs in [prompt, negative or []]:
                count = max(count, len(chunks_of(pairs, tokenizer)))
    arguments = {"num_inference_steps": steps, "guidance_scale": guidance, "width": 64, "height": 64}
    embeds, pooled = encode(pipe, prompt, count, long, skip)
    if negative is None and xl:
        negative_embeds, negative_pooled = torch.zeros_like(embeds), torch.zeros_like(pooled)
    else:
        negative_embeds, negative_pooled = encode(pipe, negative or [], count, long)
    if xl:
        arguments |= {"pooled_prompt_embeds": pooled, "negative_pooled_prompt_embeds": negative_pooled}
    return latents(pipe, seed, prompt_embeds=embeds, negative_prompt_embeds=negative_embeds, **arguments)


WEIGHTED = "a (red:1.4) apple on a [dark] (blue (shiny)) plate\\)"
PAIRS = [("a ", 1), ("red", 1.4), (" apple on a ", 1), ("dark", 1 / 1.1), (" ", 1), ("blue ", 1.1), ("shiny", 1.1 * 1.1), (" plate)", 1)]
BROKEN = f"(a cat:1.2) BREAK {LONG} BREAK [sky]"
BROKEN_PAIRS = [("a cat", 1.2), ("BREAK", -1), (LONG, 1), ("BREAK", -1), ("sky", 1 / 1.1)]

cases, tensors, plain = [], {}, {}


def case(name, model, seed, prompt, result, negative=None, **options):
    """Records a case; its latents must differ visibly from those of the same words without options."""
    other = plain.setdefault(model, result)
    assert other is result or (result - other).norm() > 0.02 * other.norm(), name
    tensors[name] = result
    cases.append({"name": name, "model": model, "scheduler": "DDIMScheduler", "seed": seed, "options": options,
                  "arguments": {"prompt": prompt, "num_inference_steps": 3, "guidance_scale": 4.0, "width": 64, "height": 64,
                                **({} if negative is None else {"negative_prompt": negative})}})  # fmt: skip


def own(pipe, seed, prompt, negative=None, **more):
    """diffusers' own reading of a prompt."""
    return latents(pipe, seed, prompt=prompt, negative_prompt=negative, num_inference_steps=3, guidance_scale=4.0, width=64, height=64, **more)


for model, cls in [("sd15", SD), ("sd21-v", SD), ("sdxl", XL)]:
    pipe = pipeline(cls, model, "DDIMScheduler")
    case(f"{model}-brackets-are-text", model, 1, WEIGHTED, own(pipe, 1, WEIGHTED))
    case(f"{model}-cut", model, 1, LONG, own(pipe, 1, LONG, "black cat"), "black cat")
    case(f"{model}-skip", model, 1, WEIGHTED, own(pipe, 1, WEIGHTED, "black cat", clip_skip=1), "black cat", clip_skip=1)
    case(f"{model}-weighted", model, 1, WEIGHTED, call(pipe, 1, PAIRS, [("black ", 1), ("cat", 1.1)]), "black (cat)", weighting=True)
    case(f"{model}-weighted-cut", model, 1, f"({LONG}:0.8)", call(pipe, 1, [(LONG, 0.8)]), weighting=True)
    case(f"{model}-long", model, 1, LONG, call(pipe, 1, [(LONG, 1)], long=True), long=True)
    case(f"{model}-long-negative", model, 1, "a cat", call(pipe, 1, [("a cat", 1)], [(LONG, 1)], long=True), LONG, long=True)
    case(
        f"{model}-all",
        model,
        1,
        BROKEN,
        call(pipe, 1, BROKEN_PAIRS, [("black ", 1), ("cat", 1.1)], long=True, skip=1),
        "black (cat)",
        weighting=True,
        long=True,
        clip_skip=1,
    )


def vectors(count, seed):
    return torch.randn(count, 16, generator=torch.Generator().manual_seed(seed)) * 0.5


def inversion(name, tensors):
    file = HERE / f"{name}.safetensors"
    save_file(tensors, file)
    return file


one = inversion("inversion-diffusers", {"<toy-face>": vectors(1, 1)[0]})
web = inversion("inversion-web-ui", {"emb_params": vectors(3, 2)})
both = inversion("inversion-sdxl", {"clip_l": vectors(2, 3), "clip_g": vectors(2, 4)})

pipe = pipeline(SD, "sd15", "DDIMScheduler")
pipe.load_textual_inversion(one)
pipe.load_textual_inversion(web, token="ugly-thing")
text, negative = "a <Toy-Face> man, <toy-face>ugly-thing!", "ugly-thing, dark"
text = text.replace("Toy-Face", "toy-face")
case("sd15-inversion", "sd15", 1, text, own(pipe, 1, text, negative), negative,
     inversions=[["inversion-diffusers", None], ["inversion-web-ui", "ugly-thing"]])  # fmt: skip

pipe = pipeline(XL, "sdxl", "DDIMScheduler")
pipe.load_textual_inversion({"-": vectors(2, 3)}, token="inversion-sdxl", text_encoder=pipe.text_encoder, tokenizer=pipe.tokenizer)
pipe.load_textual_inversion({"-": vectors(2, 4)}, token="inversion-sdxl", text_encoder=pipe.text_encoder_2, tokenizer=pipe.tokenizer_2)
text = "a man like inversion-sdxl, and again inversion-sdxl"
case("sdxl-inversion", "sdxl", 1, text, own(pipe, 1, text, "black cat"), "black cat", inversions=[["inversion-sdxl", None]])
write("prompts", cases, tensors)
