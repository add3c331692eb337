"""LoRA files beside those of ../lora, for formats, spellings and mixtures those leave out.

    python generate.py        (torch, safetensors, peft, diffusers; CPU, one thread)

Expected weights are computed here in float64 from the papers' formulas, or by diffusers
(load_lora_weights + fuse_lora) and PEFT (merge_and_unload) where they load the file; `made_by` in
expected.json says which. Everything is random with a fixed seed.
"""

import json
import math
import os
import shutil

import torch
from safetensors.torch import load_file, save_file

torch.set_num_threads(1)
HERE = os.path.dirname(os.path.abspath(__file__))
MODELS = os.path.join(HERE, "..", "models")
PARTS = {"unet": "unet", "text_encoder": "te", "text_encoder_2": "te2"}
gen = torch.Generator().manual_seed(20240)


def rand(*shape, std=0.3, dtype=torch.float32):
    return (torch.randn(*shape, generator=gen) * std).to(dtype)


def base_of(model):
    found = {}
    for part in PARTS:
        folder = os.path.join(MODELS, model, part)
        if os.path.isdir(folder):
            for name in ("diffusion_pytorch_model", "model"):
                file = os.path.join(folder, name + ".safetensors")
                if os.path.exists(file):
                    found[part] = load_file(file)
    return found


BASES = {model: base_of(model) for model in ("sd15", "sdxl")}
CASES, BAD, EXPECTED = [], [], {}


# ---- formulas, float64 ----
def d(t):
    return t.double()


def tucker(core, left, right):
    """left [o, r], right [s, i], core [r, s, ...] -> [o, i, ...]"""
    return torch.einsum("rs...,or,si->oi...", d(core), d(left), d(right))


def delta_lora(t, shape):
    up, down = t["lora_up.weight"], t["lora_down.weight"]
    up2, rank = up.reshape(up.shape[0], -1), down.shape[0]
    if "lora_mid.weight" in t:
        return tucker(t["lora_mid.weight"], up2, down.reshape(rank, -1)).reshape(shape), rank
    return (d(up2) @ d(down.reshape(rank, -1))).reshape(shape), rank


def delta_loha(t, shape):
    if "hada_t1" in t:
        one = tucker(t["hada_t1"], t["hada_w1_a"].T, t["hada_w1_b"])
        two = tucker(t["hada_t2"], t["hada_w2_a"].T, t["hada_w2_b"])
    else:
        one = d(t["hada_w1_a"]) @ d(t["hada_w1_b"])
        two = d(t["hada_w2_a"]) @ d(t["hada_w2_b"])
    return (one * two).reshape(shape), t["hada_w1_b"].shape[0]


def delta_lokr(t, shape):
    rank = None
    w1 = t.get("lokr_w1")
    if w1 is None:
        w1, rank = d(t["lokr_w1_a"]) @ d(t["lokr_w1_b"]), t["lokr_w1_b"].shape[0]
    w2 = t.get("lokr_w2")
    if w2 is None:
        rank = t["lokr_w2_b"].shape[0]
        if "lokr_t2" in t:
            w2 = tucker(t["lokr_t2"], t["lokr_w2_a"].T, t["lokr_w2_b"])
        else:
            w2 = d(t["lokr_w2_a"]) @ d(t["lokr_w2_b"].reshape(rank, -1))
    w1, w2 = d(w1), d(w2).contiguous()
    while w1.dim() < w2.dim():
        w1 = w1.unsqueeze(-1)
    return torch.kron(w1, w2).reshape(shape), rank


def delta(t, weight, scale_of=lambda alpha, rank: alpha / rank):
    """The difference one module's tensors make to a weight."""
    shape = weight.shape
    for name, f in (("lora_up", delta_lora), ("hada_", delta_loha), ("lokr_", delta_lokr)):
        if any(k.startswith(name) for k in t):
            change, rank = f(t, shape)
            break
    else:
        return d(t["diff"]).reshape(shape)
    alpha = float(t.get("alpha", 0))
    scale = 1.0 if rank is None else scale_of(alpha or rank, rank)
    change = change * scale
    m = t.get("dora_scale")
    if m is not None:
        v = d(weight) + change
        if m.numel() == shape[0] and m.shape[0] == shape[0]:
            norm = v.reshape(shape[0], -1).norm(dim=1).reshape(-1, *[1] * (len(shape) - 1))
        else:
            norm = v.transpose(0, 1).reshape(shape[1], -1).norm(dim=1)
            norm = norm.reshape(1, -1, *[1] * (len(shape) - 2))
        change = d(m).reshape(norm.shape) * v / norm - d(weight)
    return change


# ---- making factors ----
def lora(w, rank=2, alpha=1.0, flat=False, conv1x1=False, tuck=False, dtype=torch.float32):
    tail = list(w.shape[1:])
    t = {}
    if tuck:
        t["lora_down.weight"] = rand(rank, tail[0], *[1] * len(tail[1:]), dtype=dtype)
        t["lora_mid.weight"] = rand(rank, rank, *tail[1:], dtype=dtype)
    else:
        if flat:
            tail = [math.prod(tail)]
        if conv1x1:
            tail = tail + [1, 1]
        t["lora_down.weight"] = rand(rank, *tail, dtype=dtype)
    ones = [1] * (t["lora_down.weight"].dim() - 2)
    t["lora_up.weight"] = rand(w.shape[0], rank, *ones, dtype=dtype)
    if alpha is not None:
        t["alpha"] = torch.tensor(alpha, dtype=dtype)
    return t


def loha(w, rank=2, alpha=1.0, tuck=False, dtype=torch.float32):
    o, i, k = w.shape[0], w.shape[1], list(w.shape[2:])
    t = {}
    for n in ("1", "2"):
        if tuck:
            t[f"hada_t{n}"] = rand(rank, rank, *k, std=0.6, dtype=dtype)
            t[f"hada_w{n}_a"] = rand(rank, o, std=0.6, dtype=dtype)
            t[f"hada_w{n}_b"] = rand(rank, i, std=0.6, dtype=dtype)
        else:
            t[f"hada_w{n}_a"] = rand(o, rank, std=0.6, dtype=dtype)
            t[f"hada_w{n}_b"] = rand(rank, i * math.prod(k), std=0.6, dtype=dtype)
    if alpha is not None:
        t["alpha"] = torch.tensor(alpha)
    return t


def lokr(w, p, q, rank=2, alpha=1.0, low1=False, low2=False, tuck=False, flat=False):
    """p, q: shape of the first factor"""
    o, i, k = w.shape[0] // p, w.shape[1] // q, list(w.shape[2:])
    t = {}
    if low1:
        t["lokr_w1_a"], t["lokr_w1_b"] = rand(p, rank, std=0.6), rand(rank, q, std=0.6)
    else:
        t["lokr_w1"] = rand(p, q, std=0.6)
    if tuck:
        t["lokr_t2"] = rand(rank, rank, *k, std=0.6)
        t["lokr_w2_a"], t["lokr_w2_b"] = rand(rank, o, std=0.6), rand(rank, i, std=0.6)
    elif low2:
        t["lokr_w2_a"] = rand(o, rank, std=0.6)
        t["lokr_w2_b"] = rand(rank, i * math.prod(k), std=0.6)
    else:
        t["lokr_w2"] = rand(o, i * math.prod(k), std=0.6) if flat else rand(o, i, *k, std=0.6)
    if alpha is not None:
        t["alpha"] = torch.tensor(alpha)
    return t


def magnitude(w, per_output):
    axis = 0 if per_output else 1
    norm = w.transpose(0, axis).reshape(w.shape[axis], -1).norm(dim=1)
    shape = [1] * w.dim()
    shape[axis] = -1
    return (norm * (1 + 0.3 * torch.randn(norm.shape, generator=gen))).reshape(shape)


# ---- writing ----
def save(name, tensors, metadata=None):
    file = os.path.join(HERE, name + ".safetensors")
    os.makedirs(os.path.dirname(file), exist_ok=True)
    save_file({k: v.contiguous() for k, v in tensors.items()}, file, metadata=metadata)
    os.chmod(file, 0o644)


def keys(prefix, tensors):
    return {f"{prefix}.{k}": v for k, v in tensors.items()}


def case(name, model, loras, expected, made_by):
    """expected: {(part, tensor name): new tensor}"""
    modules = set()
    for (part, tensor), value in expected.items():
        assert not torch.allclose(value.float(), BASES[model][part][tensor]), (name, tensor)
        EXPECTED[f"{name}/{part}/{tensor}"] = value.float().contiguous()
        modules.add((part, tensor.rsplit(".", 1)[0]))
    CASES.append(
        {
            "name": name,
            "base": model,
            "made_by": made_by,
            "loras": loras,
            "changed_modules": len(modules),
        }
    )


def bad(name, model, tensors, *message, metadata=None, folder=None):
    save("bad/" + name, tensors, metadata)
    BAD.append({"file": f"bad/{name}.safetensors", "base": model, "message": list(message)})


def one_file(name, model, modules, spell, made_by="formulas", metadata=None, scale_of=None):
    """modules: {(part, module): tensors}; spell(part, module, tensors) -> keys of the file."""
    tensors, expected = {}, {}
    for (part, module), t in modules.items():
        tensors.update(spell(part, module, t))
        weight = BASES[model][part][module + ".weight"]
        if any(k for k in t if k not in ("diff_b", "b_norm")):
            args = (scale_of,) if scale_of else ()
            w_t = {("diff" if k == "w_norm" else k): v for k, v in t.items()}
            expected[(part, module + ".weight")] = d(weight) + delta(w_t, weight, *args)
        for k in ("diff_b", "b_norm"):
            if k in t:
                bias = BASES[model][part][module + ".bias"]
                expected[(part, module + ".bias")] = d(bias) + d(t[k])
    save(name, tensors, metadata)
    case(name, model, [{"file": name + ".safetensors", "weight": 1.0}], expected, made_by)
    return tensors, expected


def kohya(part, module, t):
    prefix = {"unet": "lora_unet_", "text_encoder": "lora_te1_", "text_encoder_2": "lora_te2_"}
    if part != "unet" and not module.startswith("text_model.") and module != "text_projection":
        module = "text_model." + module
    return keys(prefix[part] + module.replace(".", "_"), t)


def W(model, module, part="unet"):
    return BASES[model][part][module + ".weight"]


A1 = "transformer_blocks.0.attn1."
A2 = "transformer_blocks.0.attn2."
FF = "transformer_blocks.0.ff.net."
D0 = "down_blocks.0.attentions.0."
U1 = "up_blocks.1.attentions.1."


def formats():
    """Every way LyCORIS writes a module, all in one file: key by key."""
    m = {
        "conv_in": lora(W("sd15", "conv_in"), tuck=True),
        "down_blocks.0.resnets.0.conv1": lora(W("sd15", "down_blocks.0.resnets.0.conv1"), rank=3),
        "down_blocks.0.resnets.0.conv2": lora(
            W("sd15", "down_blocks.0.resnets.0.conv2"), rank=3, flat=True, alpha=None
        ),
        "down_blocks.0.resnets.0.time_emb_proj": lora(
            W("sd15", "down_blocks.0.resnets.0.time_emb_proj"), alpha=0.0
        ),
        D0 + A1 + "to_q": loha(W("sd15", D0 + A1 + "to_q")),
        "down_blocks.0.resnets.1.conv1": loha(W("sd15", "down_blocks.0.resnets.1.conv1"), rank=3),
        "down_blocks.0.resnets.1.conv2": loha(
            W("sd15", "down_blocks.0.resnets.1.conv2"), rank=3, tuck=True
        ),
        D0 + A1 + "to_k": lokr(W("sd15", D0 + A1 + "to_k"), 2, 4, alpha=100.0),
        D0 + A1 + "to_v": lokr(W("sd15", D0 + A1 + "to_v"), 4, 2, low1=True, rank=1),
        D0 + A2 + "to_k": lokr(W("sd15", D0 + A2 + "to_k"), 2, 4, low2=True, alpha=0.5),
        D0 + A2 + "to_v": lokr(W("sd15", D0 + A2 + "to_v"), 2, 2, low1=True, low2=True),
        "down_blocks.1.resnets.0.conv1": lokr(W("sd15", "down_blocks.1.resnets.0.conv1"), 4, 2),
        "down_blocks.0.downsamplers.0.conv": lokr(
            W("sd15", "down_blocks.0.downsamplers.0.conv"), 2, 4, flat=True, alpha=None
        ),
        "mid_block.resnets.0.conv1": lokr(W("sd15", "mid_block.resnets.0.conv1"), 4, 4, low2=True),
        "mid_block.resnets.1.conv2": lokr(
            W("sd15", "mid_block.resnets.1.conv2"), 2, 4, tuck=True, rank=3
        ),
        "down_blocks.1.resnets.0.conv_shortcut": lokr(
            W("sd15", "down_blocks.1.resnets.0.conv_shortcut"), 4, 2
        ),
        "mid_block.attentions.0.proj_out": {"diff": rand(16, 16), "diff_b": rand(16)},
        "conv_norm_out": {"w_norm": rand(8), "b_norm": rand(8)},
        "up_blocks.1.resnets.0.norm1": {"diff": rand(24), "diff_b": rand(24)},
        "time_embedding.linear_1": {"diff_b": rand(32)},
    }
    one_file("formats", "sd15", {("unet", k): v for k, v in m.items()}, kohya)


def magnitudes():
    m = {}
    for n, (module, make) in enumerate(
        [
            (D0 + A1 + "to_q", lora),
            (D0 + A2 + "to_k", lora),
            (D0 + FF + "0.proj", loha),
            (D0 + FF + "2", lambda w: lokr(w, 2, 4, low2=True)),
            ("down_blocks.0.resnets.0.conv1", lora),
            ("down_blocks.1.resnets.0.conv1", lambda w: lora(w, tuck=True)),
            ("up_blocks.0.upsamplers.0.conv", lambda w: lokr(w, 4, 4)),
            (D0 + "proj_in", lora),
        ]
    ):
        for model, per_output in (("in", False), ("out", True)):
            name = module if model == "in" else module.replace("down_blocks.0", "up_blocks.1", 1)
            if name == module and model == "out":
                continue
            w = W("sd15", name)
            t = make(w)
            t["dora_scale"] = magnitude(w, per_output)
            m[("unet", name)] = t
    tensors, full = one_file("magnitudes", "sd15", m, kohya)
    # Together with others and weaker: every LoRA from the pristine weight.
    style = {}
    expected = {}
    for part, module in list(m)[:6]:
        w = W("sd15", module)
        style[(part, module)] = lora(w, rank=1)
        style_delta = delta(style[(part, module)], w)
        dora_delta = full[(part, module + ".weight")] - d(w)
        expected[(part, module + ".weight")] = d(w) - 0.5 * style_delta + 0.7 * dora_delta
    for part, module in list(m)[6:]:
        w = W("sd15", module)
        expected[(part, module + ".weight")] = d(w) + 0.7 * (full[(part, module + ".weight")] - d(w))
    tensors = {}
    for (part, module), t in style.items():
        tensors.update(kohya(part, module, t))
    save("style", tensors)
    for name, order in (("style+dora", 1), ("dora+style", -1)):
        loras = [
            {"file": "style.safetensors", "weight": -0.5},
            {"file": "magnitudes.safetensors", "weight": 0.7},
        ][::order]
        case(name, "sd15", loras, expected, "formulas")


def weights():
    """Weights for the parts, for blocks, and a LoRA given twice."""
    m = {
        ("unet", D0 + A1 + "to_q"): 0.5 * 3,
        ("unet", "down_blocks.0.attentions.1." + A1 + "to_q"): 0.5 * -2,
        ("unet", "mid_block.attentions.0." + A1 + "to_q"): 0.5,
        ("unet", U1 + A1 + "to_q"): 0.0,
        ("text_encoder", "text_model.encoder.layers.1.mlp.fc1"): 2.0,
    }
    tensors, expected, twice = {}, {}, {}
    for (part, module), factor in m.items():
        w = W("sd15", module, part)
        t = lora(w)
        tensors.update(kohya(part, module, t))
        if factor:
            expected[(part, module + ".weight")] = d(w) + factor * delta(t, w)
        twice[(part, module + ".weight")] = d(w) + 2 * delta(t, w)
    save("weights", tensors)
    lora_case = {
        "file": "weights.safetensors",
        "weight": 0.5,
        "text_encoder_weight": 2.0,
        "block_weights": {
            "down_blocks": 3.0,
            "down_blocks.0.attentions.1": -2.0,
            "up_blocks.1": 0.0,
        },
    }
    case("weights", "sd15", [lora_case], expected, "formulas")
    one = {"file": "weights.safetensors", "weight": 1.0}
    case("twice", "sd15", [one, one], twice, "formulas")


def half_precision():
    m = {
        ("unet", D0 + A1 + "to_q"): lora(W("sd15", D0 + A1 + "to_q"), dtype=torch.float16),
        ("unet", "down_blocks.0.resnets.0.conv1"): lora(
            W("sd15", "down_blocks.0.resnets.0.conv1"), dtype=torch.bfloat16, tuck=True
        ),
        ("unet", D0 + A2 + "to_k"): loha(W("sd15", D0 + A2 + "to_k"), dtype=torch.float16),
        ("unet", U1 + A2 + "to_k"): {"diff": rand(8, 16, dtype=torch.bfloat16)},
    }
    one_file("half-precision", "sd15", m, kohya)


def linear_and_conv():
    """1x1 convolutions where the checkpoint has Linear layers and the other way round."""
    m = {
        ("unet", D0 + "proj_in"): lora(W("sd15", D0 + "proj_in"), flat=True),
        ("unet", D0 + "proj_out"): {"diff": rand(8, 8)},
    }
    one_file("linear-on-conv", "sd15", m, kohya)
    p = "down_blocks.1.attentions.0."
    m = {
        ("unet", p + "proj_in"): lora(W("sdxl", p + "proj_in"), conv1x1=True),
        ("unet", p + "proj_out"): {"diff": rand(16, 16, 1, 1)},
    }
    one_file("conv-on-linear", "sdxl", m, kohya)


def spellings():
    """One module after the other in every spelling, in one file."""
    part = ("unet", "text_encoder", "text_encoder_2")
    te, te2 = "encoder.layers.0.", "text_model.encoder.layers.1."
    b = "mid_block.attentions.0."
    rename = {"lora_down.weight": "lora_A.weight", "lora_up.weight": "lora_B.weight"}
    default = {"lora_down.weight": "lora_A.default.weight", "lora_up.weight": "lora_B.default.weight"}
    third = {"lora_down.weight": "lora.down.weight", "lora_up.weight": "lora.up.weight"}
    linear = {
        "lora_down.weight": "lora_linear_layer.down.weight",
        "lora_up.weight": "lora_linear_layer.up.weight",
    }
    first = {"lora_down.weight": "_lora.down.weight", "lora_up.weight": "_lora.up.weight"}

    def dot(path, names):
        def spell(t):
            return {
                (path + names.get(k, k) if names.get(k, k)[0] == "_" else f"{path}.{names.get(k, k)}"): v
                for k, v in t.items()
            }

        return spell

    sd = [
        (part[0], b + A1 + "to_q", dot(f"base_model.model.{b}{A1}to_q", default)),
        (part[0], b + A1 + "to_k", dot(f"base_model.model.unet.{b}{A1}to_k", rename)),
        (part[0], b + A1 + "to_v", dot(f"{b}{A1}processor.to_v", first)),
        (part[0], b + A1 + "to_out.0", dot(f"{b}{A1}processor.to_out", first)),
        (part[0], b + A2 + "to_q", dot(f"unet.{b}{A2}to_q", third)),
        (part[0], b + A2 + "to_k", dot(f"{b}{A2}to_k", rename)),
        (part[0], b + A2 + "to_v", dot(f"unet.{b}{A2}processor.to_v", first)),
        (part[0], b + A2 + "to_out.0", dot(f"unet.{b}{A2}to_out.0", third)),
        (part[0], b + FF + "2", dot("lora_unet_" + (b + FF + "2").replace(".", "_"), rename)),
        (part[0], "conv_out", dot("diffusion_model.out.2", rename)),
        (part[0], "time_embedding.linear_2", dot("model.diffusion_model.time_embed.2", rename)),
        (part[1], te + "self_attn.q_proj", dot(f"text_encoder.text_model.{te}self_attn.to_q", first)),
        (part[1], te + "self_attn.k_proj", dot(f"text_encoder.{te}self_attn.k_proj", linear)),
        (part[1], te + "self_attn.v_proj", dot(f"text_model.{te}self_attn.v_proj", rename)),
        (part[1], te + "self_attn.out_proj", dot(f"text_encoder.text_model.{te}self_attn.to_out", first)),
        (part[1], te + "mlp.fc1", dot(f"text_encoder.text_model.{te}mlp.fc1", linear)),
        (part[1], te + "mlp.fc2", dot(f"base_model.model.text_model.{te}mlp.fc2", default)),
        (part[1], "encoder.layers.1.mlp.fc1", dot("lora_te_text_model_encoder_layers_1_mlp_fc1", {})),
        (part[2], te2 + "self_attn.q_proj", dot(f"text_encoder_2.{te2}self_attn.q_proj", linear)),
        (part[2], te2 + "mlp.fc2", dot("lora_te2_" + (te2 + "mlp.fc2").replace(".", "_"), {})),
        (part[2], "text_projection", dot("text_encoder_2.text_projection", third)),
    ]
    modules, spell_of = {}, {}
    for p, module, spell in sd:
        modules[(p, module)] = lora(W("sdxl", module, p))
        spell_of[(p, module)] = spell
    one_file("spellings", "sdxl", modules, lambda p, module, t: spell_of[(p, module)](t))


def original_names():
    """SD 1.x's own names: an upsampler right behind a resnet, and two layers to a block."""
    names = {
        "input_blocks_0_0": "conv_in",
        "input_blocks_2_1_transformer_blocks_0_attn2_to_out_0": "down_blocks.0.attentions.1.transformer_blocks.0.attn2.to_out.0",
        "input_blocks_3_0_op": "down_blocks.0.downsamplers.0.conv",
        "input_blocks_5_0_out_layers_3": "down_blocks.1.resnets.1.conv2",
        "middle_block_1_proj_in": "mid_block.attentions.0.proj_in",
        "output_blocks_1_0_skip_connection": "up_blocks.0.resnets.1.conv_shortcut",
        "output_blocks_2_1_conv": "up_blocks.0.upsamplers.0.conv",
        "output_blocks_5_1_transformer_blocks_0_ff_net_0_proj": "up_blocks.1.attentions.2.transformer_blocks.0.ff.net.0.proj",
        "time_embed_2": "time_embedding.linear_2",
    }
    spelled = {module: name for name, module in names.items()}
    modules = {("unet", m): lora(W("sd15", m)) for m in spelled}
    one_file("original-names-sd15", "sd15", modules, lambda p, m, t: keys("lora_unet_" + spelled[m], t))


def rank_stabilized():
    m = D0 + A1 + "to_q"
    root = lambda alpha, rank: alpha / math.sqrt(rank)
    args = lambda **kw: {"ss_network_args": json.dumps(kw)}
    # LyCORIS stores alpha * sqrt(rank); its early versions, and others, alpha.
    for name, stored, metadata, scale in (
        ("rslora-lycoris", 6.0, {"ss_network_alpha": "3.0", "ss_network_module": "lycoris.kohya", **args(rs_lora="True")}, None),
        ("rslora-lycoris-early", 3.0, {"ss_network_alpha": "3.0", "ss_network_module": "lycoris.kohya", **args(rs_lora="True")}, root),
        ("rslora-flag", 3.0, {"use_rslora": "true"}, root),
        ("rslora-off", 3.0, {"ss_network_alpha": "7", **args(rs_lora="False")}, None),
    ):
        t = {("unet", m): lora(W("sd15", m), rank=4, alpha=stored)}
        one_file(name, "sd15", t, kohya, metadata=metadata, scale_of=scale)


def by_diffusers():
    """Files diffusers loads itself: original names, and PEFT metadata."""
    import diffusers

    def load(model):
        cls = diffusers.StableDiffusionPipeline if model == "sd15" else diffusers.StableDiffusionXLPipeline
        return cls.from_pretrained(os.path.join(MODELS, model), safety_checker=None)

    def fused(name, model, modules):
        pipe = load(model)
        pipe.load_lora_weights(HERE, weight_name=name + ".safetensors")
        components = [c for c in PARTS if hasattr(pipe, c)]
        pipe.fuse_lora(components=components)
        pipe.unload_lora_weights()
        expected = {}
        for part, module in modules:
            state = getattr(pipe, part).state_dict()
            tensor = module + ".weight"
            key = tensor if tensor in state else tensor.replace("text_model.", "")
            expected[(part, tensor)] = state[key].detach()
        case(name, model, [{"file": name + ".safetensors", "weight": 1.0}], expected, "diffusers")

    original = {
        "input_blocks_0_0": "conv_in",
        "input_blocks_1_0_in_layers_2": "down_blocks.0.resnets.0.conv1",
        "input_blocks_1_0_emb_layers_1": "down_blocks.0.resnets.0.time_emb_proj",
        "input_blocks_2_0_op": "down_blocks.0.downsamplers.0.conv",
        "input_blocks_3_0_skip_connection": "down_blocks.1.resnets.0.conv_shortcut",
        "input_blocks_3_1_proj_in": "down_blocks.1.attentions.0.proj_in",
        "input_blocks_3_1_transformer_blocks_1_attn2_to_out_0": "down_blocks.1.attentions.0.transformer_blocks.1.attn2.to_out.0",
        "middle_block_0_out_layers_3": "mid_block.resnets.0.conv2",
        "middle_block_1_transformer_blocks_0_ff_net_0_proj": "mid_block.attentions.0.transformer_blocks.0.ff.net.0.proj",
        "middle_block_2_in_layers_2": "mid_block.resnets.1.conv1",
        "output_blocks_1_1_transformer_blocks_0_attn1_to_k": "up_blocks.0.attentions.1.transformer_blocks.0.attn1.to_k",
        "output_blocks_1_2_conv": "up_blocks.0.upsamplers.0.conv",
        "output_blocks_2_0_emb_layers_1": "up_blocks.1.resnets.0.time_emb_proj",
        "output_blocks_3_0_in_layers_2": "up_blocks.1.resnets.1.conv1",
        "time_embed_0": "time_embedding.linear_1",
        "label_emb_0_2": "add_embedding.linear_2",
        "out_2": "conv_out",
    }
    tensors = {}
    for name, module in original.items():
        tensors.update(keys("lora_unet_" + name, lora(W("sdxl", module))))
    save("original-names-sdxl", tensors)
    fused("original-names-sdxl", "sdxl", [("unet", m) for m in original.values()])

    # rank and alpha patterns, rank-stabilized, through lora_adapter_metadata
    q, k, v = (D0 + A1 + n for n in ("to_q", "to_k", "to_v"))
    tq = "text_model.encoder.layers.0.self_attn.q_proj"
    tensors = {}
    for part, module, rank in (("unet", q, 4), ("unet", k, 2), ("unet", v, 4), ("text_encoder", tq, 3)):
        t = lora(W("sd15", module, part), rank=rank, alpha=None)
        tensors[f"{part}.{module}.lora_A.weight"] = t["lora_down.weight"]
        tensors[f"{part}.{module}.lora_B.weight"] = t["lora_up.weight"]
    metadata = {
        "unet.r": 4,
        "unet.lora_alpha": 3,
        "unet.use_rslora": True,
        "unet.rank_pattern": {k: 2},
        "unet.alpha_pattern": {"attn1.to_v": 6},
        "unet.target_modules": [q, k, v],
        "text_encoder.r": 3,
        "text_encoder.lora_alpha": 6,
        "text_encoder.target_modules": ["layers.0.self_attn.q_proj"],
    }
    save("peft-metadata", tensors, {"format": "pt", "lora_adapter_metadata": json.dumps(metadata)})
    fused("peft-metadata", "sd15", [("unet", q), ("unet", k), ("unet", v), ("text_encoder", tq)])

    # DoRA as diffusers saves it, convolutions included
    from peft import LoraConfig

    pipe = load("sd15")
    targets = [D0 + A1 + "to_q", D0 + A2 + "to_k", D0 + "proj_in", "down_blocks.0.resnets.0.conv1"]
    pipe.unet.add_adapter(LoraConfig(r=2, lora_alpha=1, use_dora=True, target_modules=targets))
    for name, p in pipe.unet.named_parameters():
        if "lora_B" in name:
            p.data = rand(*p.shape)
        if "lora_magnitude" in name:
            p.data *= 1 + 0.3 * torch.randn(p.shape, generator=gen)
    from peft.utils import get_peft_model_state_dict

    state = {f"unet.{k}": v.detach() for k, v in get_peft_model_state_dict(pipe.unet).items()}
    config = {f"unet.{k}": v for k, v in {"r": 2, "lora_alpha": 1, "use_dora": True, "target_modules": targets}.items()}
    save("peft-dora", state, {"lora_adapter_metadata": json.dumps(config)})
    fused("peft-dora", "sd15", [("unet", m) for m in targets])


def by_peft():
    """An adapter folder as PEFT writes it: the scale stands in adapter_config.json only."""
    from diffusers import UNet2DConditionModel
    from peft import LoHaConfig, LoKrConfig, LoraConfig, get_peft_model

    def run(name, config, targets):
        unet = UNet2DConditionModel.from_pretrained(os.path.join(MODELS, "sd15"), subfolder="unet")
        model = get_peft_model(unet, config)
        for n, p in model.named_parameters():
            if p.requires_grad:
                p.data = rand(*p.shape, std=0.5)
        folder = os.path.join(HERE, name)
        model.save_pretrained(folder)
        os.remove(os.path.join(folder, "README.md"))
        file = os.path.join(folder, "adapter_config.json")
        with open(file) as f:
            written = json.load(f)
        written["base_model_name_or_path"] = None  # the folder this was made in
        with open(file, "w") as f:
            json.dump(written, f, indent=1)
        state = model.merge_and_unload().state_dict()
        expected = {}
        for target in targets:
            expected[("unet", target + ".weight")] = state[target + ".weight"].detach()
        if getattr(config, "lora_bias", False):
            for target in targets:
                expected[("unet", target + ".bias")] = state[target + ".bias"].detach()
        case(name, "sd15", [{"file": name + "/adapter_model.safetensors", "weight": 1.0}], expected, "PEFT")

    q, conv = D0 + A1 + "to_q", "down_blocks.0.resnets.0.conv1"
    out = D0 + A1 + "to_out.0"
    run("peft-lora", LoraConfig(r=4, lora_alpha=3, use_rslora=True, target_modules=[q, conv, D0 + A2 + "to_v"],
        alpha_pattern={"conv1": 5}, rank_pattern={"attn2.to_v": 2}), [q, conv, D0 + A2 + "to_v"])
    run("peft-lora-bias", LoraConfig(r=2, lora_alpha=3, lora_bias=True, target_modules=[out, conv]), [out, conv])
    run("peft-loha", LoHaConfig(r=3, alpha=2, target_modules=[q, conv], use_effective_conv2d=True), [q, conv])
    run("peft-lokr", LoKrConfig(r=1, alpha=2, target_modules=[q, conv], decompose_both=True, decompose_factor=4), [q, conv])


def large():
    """For a test that needs work for several threads; its base is made there."""
    tensors = {}
    for i in range(6):
        tensors.update(keys(f"lora_unet_mid_block_attentions_{i}_proj", lora(torch.empty(512, 512), rank=1)))
    save("large", tensors)


def damaged():
    m = D0 + A1 + "to_q"
    w = W("sd15", m)
    k = "lora_unet_" + m.replace(".", "_")
    without = lambda t, name: {n: v for n, v in t.items() if n != name}
    bad("loha-incomplete", "sd15", keys(k, without(loha(w), "hada_w2_b")), k, "hada_w2_b")
    conv = "down_blocks.0.resnets.0.conv1"
    kc = "lora_unet_" + conv.replace(".", "_")
    bad("loha-one-core", "sd15", keys(kc, without(loha(W("sd15", conv), tuck=True), "hada_t2")), kc, "hada_t2")
    bad("lokr-incomplete", "sd15", keys(k, without(lokr(w, 2, 4, low2=True), "lokr_w2_a")), k, "lokr_w2_a")
    bad("lokr-shape", "sd15", keys(k, {"lokr_w1": rand(2, 2), "lokr_w2": rand(3, 4)}), k + ".lokr_w1", "[8, 8]", "[6, 8]")
    bad("lokr-twice", "sd15", keys(k, {"lokr_w2_a": rand(4, 1), **lokr(w, 2, 4)}), k, "lokr_w2_a")
    t = lora(w)
    t["lora_up.weight"][3, 1] = float("inf")
    bad("infinite", "sd15", keys(k, t), k + ".lora_up.weight", "Infinity", "element 7")
    bad("nan-half", "sd15", keys(k, {"diff": torch.full((8, 8), float("nan"), dtype=torch.float16)}), k + ".diff", "NaN")
    bad("nan-alpha", "sd15", keys(k, lora(w, alpha=float("nan"))), k + ".alpha", "NaN")
    t = lora(w)
    t["lora_up.weight"] = rand(8, 3)
    bad("ranks", "sd15", keys(k, t), k + ".lora_up.weight", "rank 2", "[8, 3]")
    t = lora(w)
    t["dora_scale"] = rand(5, 1)
    bad("magnitude-shape", "sd15", keys(k, t), k + ".dora_scale", "[8, 8]", "[5, 1]")
    bad("magnitude-alone", "sd15", keys(k, {"dora_scale": rand(8, 1)}), k + ".dora_scale")
    bad("alpha-alone", "sd15", {**keys(k, lora(w)), "lora_unet_conv_in.alpha": torch.tensor(1.0)}, "lora_unet_conv_in.alpha")
    bad("no-bias", "sd15", keys(k, {"diff_b": rand(8)}), k + ".diff_b", m + ".bias")
    bad("diff-shape", "sd15", keys(k, {"diff": rand(8, 4)}), k + ".diff", "[8, 8]", "[8, 4]")
    bad("core-shape", "sd15", keys(kc, {**lora(W("sd15", conv), tuck=True), "lora_mid.weight": rand(2, 2, 5, 5)}), kc + ".lora_mid.weight")
    dup = {**keys(k, lora(w)), **keys("unet." + m, {"lora_A.weight": rand(2, 8), "lora_B.weight": rand(8, 2)})}
    bad("twice", "sd15", dup, "unet." + m, k)
    bad("oft", "sd15", {**keys(k, lora(w)), "lora_unet_conv_in.oft_blocks": rand(2, 4, 4)}, "lora_unet_conv_in.oft_blocks", "OFT")
    bad("bundled-embedding", "sd15", {**keys(k, lora(w)), "bundle_emb.toy.string_to_param.*": rand(1, 16)}, "bundle_emb.toy", "textual inversion")
    bad("zero", "sd15", keys(k, {"lora_down.weight": rand(2, 8), "lora_up.weight": torch.zeros(8, 2)}), "zero")
    bad("not-a-lora", "sd15", {"conv_in.weight": rand(8, 4, 3, 3)}, "conv_in.weight", "LoRA")
    bad("empty", "sd15", {}, "no tensor")
    bad("float64", "sd15", keys(k, {"diff": rand(8, 8).double()}), k + ".diff", "F64")
    bad("integers", "sd15", keys(k, {"diff": torch.ones(8, 8, dtype=torch.int32)}), k + ".diff", "INT32")
    bad("metadata", "sd15", keys(k, lora(w)), "lora_adapter_metadata", metadata={"lora_adapter_metadata": "{"})
    bad("second-text-encoder", "sd15", keys("lora_te2_text_model_encoder_layers_0_mlp_fc1", lora(rand(32, 16))), "text_encoder_2", "Stable Diffusion XL")
    flux = "lora_unet_double_blocks_0_img_attn_proj"
    bad("flux", "sd15", keys(flux, lora(w)), flux, "Flux")
    sd2 = {**keys("lora_unet_" + (D0 + A2 + "to_k").replace(".", "_"), lora(rand(8, 1024)))}
    bad("sd2-on-sdxl", "sdxl", sd2, "Stable Diffusion 2.x", "Stable Diffusion XL")


def main():
    for entry in os.listdir(HERE):
        path = os.path.join(HERE, entry)
        if os.path.isdir(path):
            shutil.rmtree(path)
        elif entry.endswith(".safetensors"):
            os.remove(path)
    for make in (formats, magnitudes, weights, half_precision, linear_and_conv, spellings, original_names,
                 rank_stabilized, by_diffusers, by_peft, large, damaged):
        make()
    save("expected", EXPECTED)
    with open(os.path.join(HERE, "expected.json"), "w") as f:
        json.dump({"cases": CASES, "bad": BAD}, f, indent=1)


if __name__ == "__main__":
    main()
