"""A program that ends with 7 where Keras would run on TensorFlow, and with 8 otherwise."""

import os
import sys

sys.exit(7 if os.environ["KERAS_BACKEND"] == "tensorflow" else 8)
