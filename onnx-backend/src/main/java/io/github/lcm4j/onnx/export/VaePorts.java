package io.github.lcm4j.onnx.export;

import io.github.lcm4j.checkpoint.CheckpointException;

/**
 * How to drive an exported half of an autoencoder.
 *
 * @param input the picture or the latents
 * @param output the latents or the picture
 * @param moments whether an encoder's output is mean and log variance of the latents, one after the
 *     other, rather than latents the graph itself has drawn or taken the mean of
 */
public record VaePorts(Port input, Port output, boolean moments) {

  /** The ports of {@link OnnxExport#inFloat32}. */
  public VaePorts inFloat32() {
    return new VaePorts(input.inFloat32(), output.inFloat32(), moments);
  }

  static VaePorts of(OnnxExport export) throws CheckpointException {
    boolean encoder = export.component() == OnnxComponent.VAE_ENCODER;
    PortFinder inputs = PortFinder.inputs(export);
    Port input = inputs.require(inputs.floating(4), encoder ? "sample" : "latent_sample");
    inputs.requireNoneLeft();
    PortFinder outputs = PortFinder.outputs(export);
    Port output = outputs.named("latent_parameters");
    boolean moments = output != null;
    output =
        outputs.require(
            moments ? output : outputs.floating(4), encoder ? "latent_parameters" : "sample");
    // Without optimum's names: latents have 4 channels, their moments twice as many.
    moments |=
        encoder && !output.name().equals("latent_sample") && output.axes().get(1).extent() == 8;
    return new VaePorts(input, output, moments);
  }
}
