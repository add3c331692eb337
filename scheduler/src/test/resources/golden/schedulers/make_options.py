"""Writes options.json and options.safetensors: runs of diffusers' schedulers over option combinations.

    python make_options.py FOLDER

Made with diffusers 0.40 (development), PyTorch 2.13, numpy 2.4 and scipy 1.17 on a CPU. The cases look like
those of schedulers.json, but all start from the tensors under inputs/, each has the index it starts at
(image-to-image starts late, from `noised`), and `denoised` is there wherever the class returns an estimate of
the clean sample.
"""
import inspect
import itertools
import json
import sys

import torch
import diffusers
from safetensors.torch import save_file

torch.set_num_threads(1)
SHAPE = (2, 2, 2, 2)
SD = dict(beta_start=0.00085, beta_end=0.012, beta_schedule="scaled_linear")
BETAS = [round(0.001 + 0.00003 * i + 0.002 * (i % 3), 8) for i in range(60)]


def model(x, bias):
    return 0.8 * torch.tanh(x) + 0.2 * bias


CASES = []


def case(scheduler, steps, start=0, arguments=None, **config):
    CASES.append((scheduler, steps, start, arguments or {}, config))


def build():
    predictions = ("epsilon", "v_prediction", "sample")
    spacings = ("leading", "linspace", "trailing")
    noised = ("EulerDiscrete", "LMSDiscrete", "HeunDiscrete", "UniPCMultistep", "DPMSolverMultistep")

    # every scheduler: defaults, prediction types, spacings, beta schedules, late starts
    for name in ("DDIM", "EulerDiscrete", "EulerAncestralDiscrete", "DPMSolverMultistep", "UniPCMultistep",
                 "HeunDiscrete", "LMSDiscrete", "PNDM", "DDPM", "LCM", "TCD"):
        limited = name in ("EulerAncestralDiscrete", "PNDM")
        case(name, 7)
        for steps in (1, 2):
            if name != "PNDM":
                case(name, steps, **SD)
        for prediction, spacing in zip(predictions, spacings):
            if not (limited and prediction == "sample"):
                case(name, 6, prediction_type=prediction, timestep_spacing=spacing, steps_offset=1, **SD)
            else:
                case(name, 6, timestep_spacing=spacing, **SD)
        case(name, 9, prediction_type="v_prediction", timestep_spacing="leading", beta_schedule="squaredcos_cap_v2")
        case(name, 6, trained_betas=BETAS, num_train_timesteps=60, timestep_spacing="trailing",
             **({"original_inference_steps": 20} if name in ("LCM", "TCD") else {}))
        case(name, 10, start={"HeunDiscrete": 6}.get(name, 4), steps_offset=1, timestep_spacing="leading", **SD)
        if name not in ("HeunDiscrete", "LMSDiscrete", "PNDM"):
            case(name, 6, prediction_type="v_prediction", timestep_spacing="trailing", rescale_betas_zero_snr=True, **SD)
        if name in ("DDIM", "DDPM", "LCM", "HeunDiscrete"):
            case(name, 5, clip_sample=True, clip_sample_range=0.7, **SD)
        if name in ("DDIM", "DDPM", "LCM", "DPMSolverMultistep", "UniPCMultistep"):
            case(name, 5, thresholding=True, dynamic_thresholding_ratio=0.8, sample_max_value=1.7,
                 prediction_type="v_prediction", **SD)
        if name in noised:
            for kind in ("karras", "exponential", "beta"):
                case(name, 8, **{f"use_{kind}_sigmas": True}, **SD)
            case(name, 8, use_karras_sigmas=True, timestep_spacing="trailing", beta_schedule="squaredcos_cap_v2")
        if name in ("EulerDiscrete", "UniPCMultistep", "DPMSolverMultistep"):
            case(name, 6, final_sigmas_type="sigma_min", **SD)
            case(name, 6, final_sigmas_type="sigma_min", use_karras_sigmas=True, **SD)
        if name in ("EulerDiscrete", "HeunDiscrete", "DPMSolverMultistep", "DDPM"):
            case(name, None, arguments={"timesteps": [999, 850, 736, 645, 545, 455, 343, 233, 124, 24]}, **SD)

    # options of single schedulers
    for eta in (0.0, 0.5, 1.0):
        case("DDIM", 6, arguments={"eta": eta}, **SD)
        case("TCD", 5, arguments={"eta": eta}, **SD)
    case("DDIM", 6, set_alpha_to_one=False, steps_offset=1, **SD)
    case("DDIM", 48, timestep_spacing="trailing", **SD)
    case("TCD", 4, arguments={"strength": 0.6}, **SD)
    case("TCD", 6, arguments={"original_inference_steps": 100}, **SD)
    case("TCD", None, arguments={"timesteps": [900, 600, 300, 50], "strength": 0.5}, **SD)
    case("LCM", 4, arguments={"original_inference_steps": 100, "strength": 0.7}, **SD)
    case("LCM", None, arguments={"timesteps": [900, 650, 300, 50], "strength": 0.8}, timestep_scaling=3.0, **SD)
    case("EulerDiscrete", 6, interpolation_type="log_linear", **SD)
    case("EulerDiscrete", 6, interpolation_type="log_linear", use_karras_sigmas=True, **SD)
    case("EulerDiscrete", 6, use_karras_sigmas=True, sigma_min=0.02, sigma_max=80.0, **SD)
    case("EulerDiscrete", 6, use_exponential_sigmas=True, sigma_min=0.05, sigma_max=10.0, **SD)
    case("EulerDiscrete", 6, prediction_type="v_prediction", timestep_type="continuous", use_karras_sigmas=True,
         sigma_min=0.002, sigma_max=120.0, **SD)
    case("UniPCMultistep", 6, use_karras_sigmas=True, sigma_min=0.02, sigma_max=12.0, **SD)
    for variance in ("fixed_small_log", "fixed_large"):
        case("DDPM", 6, variance_type=variance, **SD)
    for schedule in ("sigmoid", "laplace"):
        case("DDPM", 6, beta_schedule=schedule)
    case("HeunDiscrete", 6, beta_schedule="exp")
    for skip, one, spacing in itertools.product((True, False), (True, False), ("linspace", "trailing")):
        case("PNDM", 8, skip_prk_steps=skip, set_alpha_to_one=one, timestep_spacing=spacing, **SD)
    case("PNDM", 10, start=3, skip_prk_steps=True, prediction_type="v_prediction", steps_offset=1, **SD)
    case("PNDM", 1, skip_prk_steps=True, **SD)
    case("PNDM", 2, skip_prk_steps=True, **SD)
    case("PNDM", 4, **SD)

    solver = "DPMSolverMultistep"
    for algorithm, order, kind in itertools.product(
            ("dpmsolver++", "sde-dpmsolver++", "dpmsolver", "sde-dpmsolver"), (1, 2, 3), ("midpoint", "heun")):
        if (order != 2 and kind == "heun") or (algorithm == "sde-dpmsolver" and order == 3):
            continue
        case(solver, 16, algorithm_type=algorithm, solver_order=order, solver_type=kind,
             final_sigmas_type="zero" if algorithm.endswith("++") else "sigma_min", **SD)
    for prediction in ("v_prediction", "sample"):
        case(solver, 6, algorithm_type="dpmsolver", prediction_type=prediction, final_sigmas_type="sigma_min",
             thresholding=prediction == "sample", sample_max_value=1.3, **SD)
    case(solver, 6, solver_order=3, **SD)
    case(solver, 12, start=5, solver_order=3, **SD)
    case(solver, 6, solver_order=3, lower_order_final=False, **SD)
    case(solver, 6, solver_order=3, lower_order_final=False, final_sigmas_type="sigma_min", **SD)
    case(solver, 20, euler_at_final=True, final_sigmas_type="sigma_min", **SD)
    case(solver, 8, use_lu_lambdas=True, **SD)
    case(solver, 8, use_lu_lambdas=True, beta_schedule="squaredcos_cap_v2", lambda_min_clipped=-5.1)
    for spacing in spacings:
        case(solver, 8, beta_schedule="squaredcos_cap_v2", lambda_min_clipped=-5.1, timestep_spacing=spacing)
    case(solver, 8, solver_type="bh2", algorithm_type="deis", final_sigmas_type="sigma_min", **SD)

    solver = "UniPCMultistep"
    for order, kind, x0 in itertools.product((1, 2, 3), ("bh1", "bh2"), (True, False)):
        case(solver, 7, solver_order=order, solver_type=kind, predict_x0=x0, final_sigmas_type="sigma_min", **SD)
    for prediction in ("v_prediction", "sample"):
        case(solver, 7, predict_x0=False, prediction_type=prediction, final_sigmas_type="sigma_min", **SD)
    case(solver, 12, solver_order=4, **SD)
    case(solver, 12, start=5, solver_order=3, **SD)
    case(solver, 8, solver_order=3, lower_order_final=False, final_sigmas_type="sigma_min", **SD)
    case(solver, 8, disable_corrector=[0, 2], solver_type="midpoint", **SD)


def inputs():
    draw = torch.Generator().manual_seed(0)
    return {name: torch.randn(SHAPE, generator=draw) for name in ("normal", "bias", "clean", "noise")}


def run(index, scheduler, steps, start, arguments, config, tensors):
    name = f"{index:03d}-{scheduler}"
    instance = getattr(diffusers, scheduler + "Scheduler").from_config(config)
    eta = {"eta": arguments["eta"]} if "eta" in arguments else {}
    setting = {k: v for k, v in arguments.items() if k != "eta"}
    if steps is not None:
        setting["num_inference_steps"] = steps
    instance.set_timesteps(**setting)
    if hasattr(instance, "set_begin_index"):
        instance.set_begin_index(start)
    given = inputs()
    noised = instance.add_noise(given["clean"], given["noise"], instance.timesteps[start:start + 1])
    sample = noised if start else given["normal"] * instance.init_noise_sigma
    seed = 1000 + index
    generator = torch.Generator().manual_seed(seed)
    stochastic = "generator" in inspect.signature(instance.step).parameters
    trajectory, originals = [], []
    for t in instance.timesteps[start:]:
        output = model(instance.scale_model_input(sample, t), given["bias"])
        step = instance.step(output, t, sample, **eta, **({"generator": generator} if stochastic else {}))
        sample = step.prev_sample
        trajectory.append(sample)
        originals.append(step.get("denoised", step.get("pred_original_sample")))
    tensors[f"{name}/noised"] = noised
    tensors[f"{name}/trajectory"] = torch.stack(trajectory)
    assert torch.isfinite(tensors[f"{name}/trajectory"]).all(), name
    if originals[0] is not None:
        tensors[f"{name}/denoised"] = torch.stack(originals)
    sigmas = getattr(instance, "sigmas", None)
    return dict(name=name, scheduler=scheduler + "Scheduler", config=config, num_inference_steps=steps,
                arguments=arguments, start=start, timesteps=instance.timesteps.tolist(),
                sigmas=None if sigmas is None else sigmas.tolist(),
                init_noise_sigma=float(instance.init_noise_sigma), step_noise_seed=seed)


if __name__ == "__main__":
    build()
    tensors = {f"inputs/{name}": tensor for name, tensor in inputs().items()}
    cases = [run(index, *arguments, tensors) for index, arguments in enumerate(CASES)]
    with open(sys.argv[1] + "/options.json", "w") as f:
        f.write('{"cases":[\n' + ",\n".join(json.dumps(c, separators=(",", ":")) for c in cases) + "\n]}\n")
    save_file(tensors, sys.argv[1] + "/options.safetensors")
