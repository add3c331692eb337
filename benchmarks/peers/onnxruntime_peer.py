"""Times plain ONNX Runtime on a UNet exported the usual way; one JSON line per measurement. See README.md."""

import argparse
import hashlib
import os
import shutil
import subprocess
import sys
import tempfile

import peer_common as peer

OPSET = 17


def arguments():
    parser = argparse.ArgumentParser(description=__doc__)
    peer.common_arguments(parser)
    parser.add_argument("--cache", default=os.path.join(tempfile.gettempdir(), "lcm4j-peer-onnx"), help="where exported graphs are kept")
    parser.add_argument("--optimization", default="all", choices=["disable", "basic", "extended", "all"])
    parser.add_argument("--export-to", help=argparse.SUPPRESS)  # this script's own second process
    return parser.parse_args()


def cache_folder(options):
    """One folder per checkpoint (configuration, names, sizes and times of its files)."""
    digest = hashlib.sha256(str(OPSET).encode())
    unet = os.path.join(options.checkpoint, "unet")
    for name in sorted(os.listdir(unet)):
        status = os.stat(os.path.join(unet, name))
        digest.update(f"{name} {status.st_size} {status.st_mtime_ns}\n".encode())
    with open(os.path.join(unet, "config.json"), "rb") as file:
        digest.update(file.read())
    return os.path.join(options.cache, digest.hexdigest()[:24])


def export(options):
    """Runs in a process of its own, so that the timed one never holds torch or a second copy of the weights."""
    torch, diffusers, onnx = peer.require("torch", "diffusers", "onnx")
    torch.set_num_threads(options.threads)
    diffusers.utils.logging.set_verbosity_error()
    unet = diffusers.UNet2DConditionModel.from_pretrained(options.checkpoint, subfolder="unet", torch_dtype=torch.float32, local_files_only=True, **peer.weight_variant(options.checkpoint)).eval()
    config = peer.read_json(options.checkpoint, "unet", "config.json")
    shapes = peer.unet_shapes(config, options.checkpoint, options.width, options.height, 2)
    names = ["sample", "timestep", *[name for name in shapes if name != "sample"]]

    class Wrapper(torch.nn.Module):
        """Positional inputs in a fixed order, as exporters want them."""

        def __init__(self):
            super().__init__()
            self.unet = unet

        def forward(self, *values):
            given = dict(zip(names, values))
            added = {name: given.pop(name) for name in ("text_embeds", "time_ids") if name in given}
            return self.unet(**given, **({"added_cond_kwargs": added} if added else {}), return_dict=False)[0]

    values = [torch.tensor(499) if name == "timestep" else torch.randn(shapes[name]) for name in names]
    axes = {name: {0: "batch"} for name in names if name != "timestep"}
    axes["sample"].update({2: "height", 3: "width"})
    axes["encoder_hidden_states"][1] = "tokens"
    axes["out_sample"] = {0: "batch", 2: "height", 3: "width"}
    with tempfile.TemporaryDirectory(dir=os.path.dirname(options.export_to)) as scratch, torch.no_grad():
        first = os.path.join(scratch, "model.onnx")
        torch.onnx.export(Wrapper().eval(), tuple(values), first, input_names=names, output_names=["out_sample"], dynamic_axes=axes,
                          opset_version=OPSET, do_constant_folding=True, dynamo=False)
        # One file beside the graph, whatever the exporter chose to write.
        model = onnx.load(first)
        onnx.save(model, os.path.join(options.export_to, "model.onnx"), save_as_external_data=True, all_tensors_to_one_file=True, location="model.onnx_data", size_threshold=1024)


def exported(options):
    """The graph's path and whether it was there already."""
    folder = cache_folder(options)
    path = os.path.join(folder, "model.onnx")
    if os.path.exists(path):
        return path, True
    os.makedirs(options.cache, exist_ok=True)
    unfinished = tempfile.mkdtemp(dir=options.cache)
    done = subprocess.run([sys.executable, os.path.abspath(__file__), *sys.argv[1:], "--export-to", unfinished], check=False)
    if done.returncode:
        shutil.rmtree(unfinished, ignore_errors=True)
        sys.exit(done.returncode)
    os.rename(unfinished, folder)
    return path, False


def main():
    options = arguments()
    if options.export_to:
        export(options)
        return
    numpy, ort = peer.require("numpy", "onnxruntime")
    path, cached = exported(options)
    data = path + "_data"
    size = os.path.getsize(path) + (os.path.getsize(data) if os.path.exists(data) else 0)
    peer.emit("environment", peer="onnxruntime", versions={"onnxruntime": ort.__version__, "numpy": numpy.__version__}, threads=options.threads, machine=peer.machine(),
              checkpoint=os.path.abspath(options.checkpoint), graph=path, graph_bytes=size, graph_was_cached=cached, exporter="torchscript", opset=OPSET, optimization=options.optimization)

    session_options = ort.SessionOptions()
    session_options.intra_op_num_threads = options.threads
    session_options.inter_op_num_threads = 1
    session_options.graph_optimization_level = getattr(ort.GraphOptimizationLevel, "ORT_" + ("DISABLE_ALL" if options.optimization == "disable" else "ENABLE_" + options.optimization.upper()))

    def load():
        return ort.InferenceSession(path, session_options, providers=["CPUExecutionProvider"])

    session = peer.measure("load", load, min(options.warmup, 1), options.repetitions)
    config = peer.read_json(options.checkpoint, "unet", "config.json")
    shapes = peer.unet_shapes(config, options.checkpoint, options.width, options.height, options.batch)
    random = numpy.random.default_rng(42)
    inputs = {i.name: numpy.array(499, dtype=numpy.int64) if i.name == "timestep" else random.standard_normal(shapes[i.name], dtype=numpy.float32) for i in session.get_inputs()}
    peer.measure("unet_step", lambda: session.run(None, inputs), options.warmup, options.repetitions, width=options.width, height=options.height, batch=options.batch, shapes=shapes)
    peer.emit("peak_memory", **peer.memory())


if __name__ == "__main__":
    main()
