"""TensorFlow, on the processor or on a GPU where it finds one."""

import os
from pathlib import Path

import numpy as np

from ml.manifest import Manifest


class TensorFlow:
    """A `tf.function`, compiled once for each batch size."""

    def __init__(self, folder: Path, described: Manifest) -> None:
        """Raises ModelError where the weights do not fit the architecture."""
        self.device = prepare()
        import tensorflow as tf

        from ml.engines.network import network

        built = network(folder, described)
        self._call = tf.function(lambda x: built(x, training=False), jit_compile=False)
        # A plain array would count as a new constant at each call; a tensor is traced once a shape.
        self._tensor = tf.constant

    def outputs(self, x: np.ndarray) -> np.ndarray:
        return np.asarray(self._call(self._tensor(x)))

    def sizes(self) -> int:
        return int(self._call.experimental_get_tracing_count())


def prepare() -> str:
    """Import TensorFlow, let it take GPU memory as needed; returns the name of the device."""
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "2")
    os.environ.setdefault("KERAS_BACKEND", "tensorflow")
    import tensorflow as tf

    _let_waiting_threads_sleep()
    gpus = tf.config.list_physical_devices("GPU")
    for gpu in gpus:
        tf.config.experimental.set_memory_growth(gpu, True)
    if not gpus:
        return "CPU"
    details = tf.config.experimental.get_device_details(gpus[0])
    return str(details.get("device_name", "GPU"))


def _let_waiting_threads_sleep() -> None:
    """Otherwise TensorFlow's threads look for work for a while before they sleep, on a core that
    the web server and the database need as well.

    What TensorFlow has a setting for, but no public way to give it in its second version. It counts
    from the first operation on, so a process that has already calculated stays as it is.
    """
    from tensorflow.core.protobuf import config_pb2
    from tensorflow.python.eager import context

    settings = config_pb2.ConfigProto()
    settings.experimental.disable_thread_spinning = True
    if not (now := context.context())._initialized:
        now._config = settings
