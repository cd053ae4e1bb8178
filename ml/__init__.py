"""Models as folders: make them, measure them, read them. Knows neither Django nor Celery."""

import os

# TensorFlow takes oneDNN's kernels by itself only where a processor has instructions for neural
# networks. With AVX2 alone they train 1.5 times as fast too.
os.environ.setdefault("TF_ENABLE_ONEDNN_OPTS", "1")
