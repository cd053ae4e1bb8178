"""ONNX Runtime, OpenVINO and LiteRT against TensorFlow as Kadr runs it, on the same networks:
`make bench-engines`. They have a virtual environment of their own, `.venv` in this folder."""
