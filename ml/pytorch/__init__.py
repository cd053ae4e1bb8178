"""Training by PyTorch on a CPU, where its own layers leave most of the processor unused.

A batch is cut into parts small enough for the processor's cache, and each core takes one part at a
time by itself; a convolution is a matrix multiplication (convolution.py), a depthwise one is
taken apart (depthwise.py), a network is calculated
by plain functions (forward.py), and steps.py puts both in the place of Keras's own steps.
"""

import keras


def accelerate(network: keras.Model) -> bool:
    """Let a network train and answer by ml.pytorch, where that fits: on Keras's PyTorch backend, on
    a CPU, and a network of layers that it knows. Otherwise nothing changes. Returns whether."""
    if keras.backend.backend() != "torch":
        return False
    from ml.pytorch.forward import Forward
    from ml.pytorch.steps import Steps

    on_cpu = all(v.value.device.type == "cpu" for v in network.variables)
    if fits := on_cpu and Forward.fits(network):
        Steps(network).install()
    return fits
