"""Optimizers and their schedules, from a recipe's [optimizer]. Nothing here knows a backend."""

import math
from typing import Any

import keras


def build(settings: dict[str, Any], epochs: int, steps: int) -> keras.optimizers.Optimizer:
    """The optimizer of a run of `epochs` of `steps` batches. Raises KeyError for an unknown one."""
    if settings["name"] == "sgd":
        return NesterovSGD(
            schedule(settings, epochs, steps),
            momentum=settings["momentum"],
            decay=settings["weight_decay"],
            shift_scale=settings["shift_scale"],
        )
    if settings["name"] != "adamw":
        raise KeyError(f"no optimizer {settings['name']!r}; known: adamw, sgd")
    optimizer = keras.optimizers.AdamW(
        schedule(settings, epochs, steps), weight_decay=settings["weight_decay"]
    )
    spare_vectors(optimizer)
    return optimizer


def spare_vectors(optimizer: keras.optimizers.Optimizer) -> None:
    """Let AdamW decay kernels only. Keras does not keep this with a saved optimizer."""
    if isinstance(optimizer, keras.optimizers.AdamW):
        optimizer.exclude_from_weight_decay(var_names=["gamma", "beta", "bias"])


def schedule(settings: dict[str, Any], epochs: int, steps: int) -> "Trapezoid":
    """The learning rates of a run of `epochs` of `steps` batches."""
    return Trapezoid(
        settings["peak_learning_rate"],
        warmup=math.ceil(settings["warmup_epochs"] * steps),
        decay=math.ceil(settings["decay_epochs"] * steps),
        total=max(epochs * steps, 1),
        shape=settings["shape"],
    )


@keras.saving.register_keras_serializable("kadr")
class Trapezoid(keras.optimizers.schedules.LearningRateSchedule):
    """Up to the peak in `warmup` steps, along it, and down to zero in the last `decay` of `total`.

    The way down is a line or half a cosine. Where the two meet there is no plateau: one cycle.
    """

    def __init__(self, peak: float, warmup: int, decay: int, total: int, shape: str) -> None:
        if shape not in ("linear", "cosine"):
            raise KeyError(f"no schedule {shape!r}; known: cosine, linear")
        self.peak, self.warmup, self.decay, self.total = peak, warmup, decay, total
        self.shape = shape

    def __call__(self, step: Any) -> Any:
        step = keras.ops.cast(step, "float32")
        up = (step + 1) / max(self.warmup, 1)
        left = keras.ops.clip((self.total - step) / max(self.decay, 1), 0.0, 1.0)
        if self.shape == "cosine":
            left = (1 - keras.ops.cos(math.pi * left)) / 2
        return self.peak * keras.ops.minimum(keras.ops.minimum(up, 1.0), left)

    def get_config(self) -> dict[str, Any]:
        names = ("peak", "warmup", "decay", "total", "shape")
        return {name: getattr(self, name) for name in names}


@keras.saving.register_keras_serializable("kadr")
class NesterovSGD(keras.optimizers.SGD):
    """SGD with Nesterov momentum as the CIFAR-10 speed records use it (arXiv:2404.00498).

    Weight decay is added to the gradient, so momentum acts on it too, and the shifts of batch
    normalization learn `shift_scale` times faster than everything else.
    """

    def __init__(
        self,
        learning_rate: Any = 0.1,
        momentum: float = 0.85,
        decay: float = 0.0,
        shift_scale: float = 1.0,
        **options: Any,
    ) -> None:
        super().__init__(learning_rate, momentum=momentum, nesterov=True, **options)
        self.decay, self.shift_scale = decay, shift_scale

    def update_step(self, gradient: Any, variable: Any, learning_rate: Any) -> None:
        # A backend may hand over its own variable, which TensorFlow calls "beta:0".
        name = variable.name.rsplit("/", 1)[-1].partition(":")[0]
        scale = self.shift_scale if name == "beta" else 1.0
        gradient = scale * gradient + self.decay * keras.ops.cast(variable, gradient.dtype)
        super().update_step(gradient, variable, learning_rate)

    def get_config(self) -> dict[str, Any]:
        config = super().get_config()
        config.pop("nesterov")
        return {**config, "decay": self.decay, "shift_scale": self.shift_scale}
