"""LiteRT with XNNPACK (ai.google.dev/edge/litert), on the processor: quicker than TensorFlow for
single pictures, and in half of its memory."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ml.manifest import ModelError

ROOT = Path(__file__).parent.parent.parent
CONVERSION_SECONDS = 300
MISSING = "LiteRT is not installed: start with `make run ENGINE=litert`, or install ai-edge-litert"


class LiteRT:
    """An interpreter for each batch size. Safe to call from several threads, which take turns."""

    def __init__(self, folder: Path) -> None:
        """Raises ModelError where LiteRT is missing or the network cannot be converted."""
        try:
            from ai_edge_litert import interpreter
        except ImportError as error:
            raise ModelError(MISSING) from error
        self.device = "CPU (LiteRT)"
        self._open = interpreter.Interpreter
        self._network = converted(folder)
        self._interpreters: dict[int, Any] = {}
        self._turn = threading.Lock()

    def logits(self, x: np.ndarray) -> np.ndarray:
        with self._turn:
            ready = self._for(x.shape)
            ready.set_tensor(ready.get_input_details()[0]["index"], x)
            ready.invoke()
            answer: np.ndarray = ready.get_tensor(ready.get_output_details()[0]["index"])
            return answer

    def sizes(self) -> int:
        return len(self._interpreters)

    def _for(self, shape: tuple[int, ...]) -> Any:
        """An interpreter of its own for each size: one that changes its size prepares anew."""
        if shape[0] not in self._interpreters:
            made = self._open(model_content=self._network, num_threads=_cores())
            made.resize_tensor_input(made.get_input_details()[0]["index"], shape, strict=True)
            made.allocate_tensors()
            self._interpreters[shape[0]] = made
        return self._interpreters[shape[0]]


def converted(folder: Path) -> bytes:
    """The network of a folder as LiteRT reads it. Raises ModelError.

    Made anew at each load, by TensorFlow in a process of its own, whose memory (1 to 1.6 GB) goes
    with it; nothing that was made by another version can be left lying.
    """
    with tempfile.TemporaryDirectory(prefix="kadr-litert-") as name:
        file = Path(name) / "network.tflite"
        command = [sys.executable, "-m", "ml.engines.convert", str(folder.resolve()), str(file)]
        try:
            done = subprocess.run(  # noqa: S603  # our own module
                command,
                cwd=ROOT,
                env={**os.environ, "CUDA_VISIBLE_DEVICES": "-1"},  # no GPU is needed for that
                capture_output=True,
                text=True,
                timeout=CONVERSION_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            reason = f"it took more than {CONVERSION_SECONDS} s"
            raise ModelError(f"{folder} cannot be converted for LiteRT: {reason}") from error
        if done.returncode:
            reason = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
            raise ModelError(f"{folder} cannot be converted for LiteRT: {reason}")
        return file.read_bytes()


def _cores() -> int:
    """How many this process may use, where the system tells; else, how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
