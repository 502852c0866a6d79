"""Models by name, and how one is built from a Config's Specs."""

from collections.abc import Callable, Sequence
import inspect
from typing import Any

from flax import linen as nn
import jax.numpy as jnp

from assay import spec as specs
from assay.activations import ACTIVATIONS, as_activation
from assay.initializers import INITIALIZERS, as_initializer
from assay.models.airbench import AirBench
from assay.models.alexnet import AlexNet
from assay.models.all_cnn import AllCNN
from assay.models.autoencoder import Autoencoder, ConvAutoencoder
from assay.models.densenet import DenseNet
from assay.models.fixup_resnet import FixupResNet
from assay.models.dbn import DBN, rbm
from assay.models.gan import DCGAN, GAN
from assay.models.kit import Kit
from assay.models.lenet import LeNet
from assay.models.mlp import MLP
from assay.models.model import from_linen, Model, Output, path
from assay.models.norm import NORMS
from assay.models.policy_value import PolicyValue
from assay.models.preact_resnet import PreactResNet, WideResNet
from assay.models.q_network import QNetwork
from assay.models.resnet import ResNet
from assay.models.resnet_imagenet import ResNetImageNet
from assay.models.strided_cnn import StridedCNN
from assay.models.text import CharMLP, TextConv
from assay.models.unet import UNet
from assay.models.vgg import VGG

__all__ = ["Kit", "Model", "Output", "MODELS", "build", "default_norm", "from_linen", "path", "takes_kit"]

MODELS = {
    "airbench": AirBench,
    "alexnet": AlexNet,
    "all_cnn": AllCNN,
    "autoencoder": Autoencoder,
    "char_mlp": CharMLP,
    "conv_autoencoder": ConvAutoencoder,
    "dbn": DBN,
    "dcgan": DCGAN,
    "densenet": DenseNet,
    "fixup_resnet": FixupResNet,
    "gan": GAN,
    "lenet": LeNet,
    "mlp": MLP,
    "policy_value": PolicyValue,
    "preact_resnet": PreactResNet,
    "q_network": QNetwork,
    "rbm": rbm,
    "resnet": ResNet,
    "resnet_imagenet": ResNetImageNet,
    "strided_cnn": StridedCNN,
    "text_conv": TextConv,
    "unet": UNet,
    "vgg": VGG,
    "wide_resnet": WideResNet,
}


def takes_kit(model: str) -> bool:
    """Whether a model builds its layers by a Kit, so that activation, init and norm can be varied in it."""
    return "kit" in _parameters(specs.constructor(MODELS, specs.parse(model), "model"))


def default_norm(model: str) -> str:
    """The normalisation a model has in its paper: what `norm=default` means."""
    return getattr(specs.constructor(MODELS, specs.parse(model), "model"), "DEFAULT_NORM", "none")


def build(
    model: str,
    *,
    activation: str,
    init: str,
    norm: str,
    dtype: Any = jnp.float32,
    outputs: int | Sequence[int],
    shape: Sequence[int | None] | None = None,
) -> Model:
    """Builds a Model from Specs.

    Args:
      model, activation, init, norm: Specs of the registries, or import paths (`pkg.module:name(...)`); a model may
        be any linen module, or a function that returns one. It gets `kit` and `outputs` if it takes them.
      dtype: of the arithmetic.
      outputs: number of logits, or the shape of the example that the network makes.
      shape: of an example's output, None for sizes that are free; by default as `outputs` says.

    Raises:
      assay.spec.SpecError: an invalid Spec, or a model that cannot be called with (x) or (x, train).
    """
    kit = Kit(
        activation=specs.build(ACTIVATIONS, activation, "activation", as_activation),
        initializer=specs.build(INITIALIZERS, init, "init", as_initializer),
        norm=specs.build(NORMS, norm, "norm"),
        dtype=dtype,
    )
    taken = _parameters(specs.constructor(MODELS, specs.parse(model), "model"))
    context = {name: value for name, value in {"kit": kit, "outputs": outputs}.items() if name in taken}
    module = specs.build(MODELS, model, "model", **context)
    if not isinstance(module, nn.Module):
        raise specs.SpecError(f"model {model} must be a flax.linen module, not {type(module).__name__}")
    try:
        shape = shape or ((outputs,) if isinstance(outputs, int) else outputs)
        return _adjusted(from_linen(module, shape), kit.initializer.adjust)
    except ValueError as error:
        raise specs.SpecError(f"model {model}: {error}") from error


def _adjusted(model: Model, adjust: Callable | None) -> Model:
    """Appends the second step of a data-dependent initialiser to `init`."""
    if adjust is None:
        return model

    def init(key, x):
        params, state = model.init(key, x)

        def preactivations(params):
            output, _ = model.apply(params, state, x, key=None, train=False)
            return [((*path(name), "kernel"), output.linear[name]) for name in sorted(output.linear)]

        return adjust(preactivations, params, x), state

    return Model(init, model.apply)


def _parameters(constructor: Callable[..., Any]) -> set[str]:
    return set(inspect.signature(constructor).parameters)
