"""Times diffusers on the CPU over one checkpoint; one JSON line per measurement. See README.md."""

import argparse
import gc
import os
import statistics
import time

import peer_common as peer

PARTS = ["load", "text", "unet", "vae", "generate", "fold"]


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    peer.common_arguments(parser)
    parser.add_argument("--measure", default=",".join(PARTS), help="comma-separated, of " + ",".join(PARTS))
    parser.add_argument("--lora", action="append", default=[], metavar="FILE[:WEIGHT]")
    parser.add_argument("--scheduler", default="LCMScheduler")
    parser.add_argument("--prompt", default="a red apple on a blue background")
    parser.add_argument("--steps", type=int, default=4)
    parser.add_argument("--guidance", type=float, default=1.0)
    parser.add_argument("--seed", type=int, default=42)
    parser.add_argument("--dtype", default="float32", choices=["float32", "float16", "bfloat16"], help="in which diffusers holds the weights")
    options = parser.parse_args()
    options.measure = options.measure.split(",")
    if set(options.measure) - set(PARTS):
        parser.error("--measure: choose from " + ",".join(PARTS))
    if "fold" in options.measure and not options.lora:
        options.measure.remove("fold")
    return options


def parse_lora(text):
    path, _, weight = text.rpartition(":")
    try:
        return (path, float(weight)) if path else (text, 1.0)
    except ValueError:
        return text, 1.0


class Peer:
    def __init__(self, options):
        self.options = options
        self.torch, self.diffusers = peer.require("torch", "diffusers")
        self.packages = peer.require(*["transformers", "safetensors", "PIL"] + (["peft"] if options.lora else []))
        self.torch.set_num_threads(options.threads)
        self.torch.set_grad_enabled(False)
        self.diffusers.utils.logging.set_verbosity_error()
        self.diffusers.utils.logging.disable_progress_bar()
        self.dtype = getattr(self.torch, options.dtype)
        self.loras = [parse_lora(text) for text in options.lora]
        self.whole = os.path.exists(os.path.join(options.checkpoint, "model_index.json"))

    def load(self, loras=()):
        """The pipeline, ready to run; a folder with a UNet alone gives a pipeline with a UNet alone."""
        options, diffusers = self.options, self.diffusers
        common = {"torch_dtype": self.dtype, "local_files_only": True, **peer.weight_variant(options.checkpoint)}
        if self.whole:
            index = peer.read_json(options.checkpoint, "model_index.json")
            checker = {"safety_checker": None} if "safety_checker" in index else {}
            pipeline = diffusers.DiffusionPipeline.from_pretrained(options.checkpoint, **checker, **common)
            pipeline.scheduler = getattr(diffusers, options.scheduler).from_config(pipeline.scheduler.config)
        else:
            unet = diffusers.UNet2DConditionModel.from_pretrained(options.checkpoint, subfolder="unet", **common)
            xl = unet.config.addition_embed_type == "text_time"
            kind = diffusers.StableDiffusionXLPipeline if xl else diffusers.StableDiffusionPipeline
            absent = ["vae", "text_encoder", "tokenizer"] + (["text_encoder_2", "tokenizer_2"] if xl else ["safety_checker", "feature_extractor"])
            extra = {} if xl else {"requires_safety_checker": False}
            scheduler = getattr(diffusers, options.scheduler)(beta_schedule="scaled_linear", beta_start=0.00085, beta_end=0.012, steps_offset=1)
            pipeline = kind(unet=unet, scheduler=scheduler, **{name: None for name in absent}, **extra)
        pipeline.set_progress_bar_config(disable=True)
        self.fold(pipeline, loras)
        return pipeline

    @staticmethod
    def fold(pipeline, loras):
        """Reads the LoRA files and folds them; returns the milliseconds of reading and of folding."""
        start = time.perf_counter_ns()
        for i, (path, _) in enumerate(loras):
            pipeline.load_lora_weights(os.path.dirname(os.path.abspath(path)), weight_name=os.path.basename(path), adapter_name=f"lora{i}")
        loaded = time.perf_counter_ns()
        if loras:
            pipeline.set_adapters([f"lora{i}" for i in range(len(loras))], [weight for _, weight in loras])
            pipeline.fuse_lora(adapter_names=[f"lora{i}" for i in range(len(loras))])
        return round((loaded - start) / 1e6, 3), round((time.perf_counter_ns() - loaded) / 1e6, 3)

    def unet_inputs(self, pipeline):
        options, torch = self.options, self.torch
        config = peer.read_json(options.checkpoint, "unet", "config.json")
        shapes = peer.unet_shapes(config, options.checkpoint, options.width, options.height, options.batch)
        generator = torch.Generator().manual_seed(options.seed)
        values = {name: torch.randn(shape, generator=generator).to(self.dtype) for name, shape in shapes.items()}
        added = {name: values.pop(name) for name in ("text_embeds", "time_ids") if name in values}
        return {**values, "timestep": torch.tensor(499), **({"added_cond_kwargs": added} if added else {})}, shapes

    def run(self):
        options, torch = self.options, self.torch
        versions = {m.__name__: m.__version__ for m in [torch, self.diffusers, *self.packages]}
        peer.emit("environment", peer="diffusers", versions=versions, threads=torch.get_num_threads(), machine=peer.machine(),
                  checkpoint=os.path.abspath(options.checkpoint), dtype=options.dtype, loras=self.loras)
        wanted, repeat = options.measure, {"warmup": options.warmup, "repetitions": options.repetitions}
        if "load" in wanted:
            # Warm-up: the first load also pays for imports and for reading the files from disk.
            peer.measure("load", lambda: self.load(), min(options.warmup, 1), options.repetitions, lora=False)
            if self.loras:
                peer.measure("load", lambda: self.load(self.loras), min(options.warmup, 1), options.repetitions, lora=True)
        if "fold" in wanted:
            self.measure_fold()
        pipeline = self.load(self.loras)
        if "text" in wanted and self.whole:
            encode = lambda: pipeline.encode_prompt(prompt=options.prompt, device="cpu", num_images_per_prompt=1, do_classifier_free_guidance=options.guidance > 1)
            peer.measure("text_encode", encode, **repeat, guided=options.guidance > 1)
        if "unet" in wanted:
            inputs, shapes = self.unet_inputs(pipeline)
            peer.measure("unet_step", lambda: pipeline.unet(**inputs, return_dict=False)[0], **repeat, width=options.width, height=options.height, batch=options.batch, shapes=shapes)
        if "vae" in wanted and self.whole:
            factor = peer.latent_factor(options.checkpoint)
            latents = torch.randn(1, pipeline.vae.config.latent_channels, options.height // factor, options.width // factor, generator=torch.Generator().manual_seed(options.seed)).to(self.dtype)
            peer.measure("vae_decode", lambda: pipeline.vae.decode(latents, return_dict=False)[0], **repeat, width=options.width, height=options.height)
        if "generate" in wanted and self.whole:
            call = lambda: pipeline(prompt=options.prompt, num_inference_steps=options.steps, guidance_scale=options.guidance, width=options.width, height=options.height,
                                    generator=torch.Generator().manual_seed(options.seed)).images
            peer.measure("generate", call, **repeat, scheduler=options.scheduler, steps=options.steps, guidance=options.guidance, width=options.width, height=options.height)
        peer.emit("peak_memory", **peer.memory())

    def measure_fold(self):
        """load_lora_weights and fuse_lora on a pristine pipeline each time: unfusing would leave rounding behind."""
        reading, folding, milliseconds, extra = [], [], [], []
        warmup = min(self.options.warmup, 1)
        for i in range(warmup + self.options.repetitions):
            pipeline = self.load()
            gc.collect()
            before = peer.memory()["resident_bytes"]
            reset = peer.reset_peak()
            read, fold = self.fold(pipeline, self.loras)
            if i >= warmup:
                reading.append(read)
                folding.append(fold)
                milliseconds.append(round(read + fold, 3))
                extra.append(peer.memory()["peak_bytes"] - before if reset and before else None)
            del pipeline
            gc.collect()
        peer.emit("fold", warmup=warmup, milliseconds=milliseconds, median=statistics.median(milliseconds), minimum=min(milliseconds), load_lora_weights=reading, fuse_lora=folding,
                  extra_peak_bytes=extra, **peer.memory())


if __name__ == "__main__":
    Peer(arguments()).run()
