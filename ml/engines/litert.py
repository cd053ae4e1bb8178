"""LiteRT with XNNPACK (ai.google.dev/edge/litert), on the processor: quicker than TensorFlow for
single pictures, and with less memory once it is loaded."""

import os
import subprocess
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

import numpy as np

from ml.manifest import EngineError, Manifest, ModelError

ROOT = Path(__file__).parent.parent.parent
# It takes about ten. A gate has 150 s for two of them, Celery gives a worker 120 s to start.
CONVERSION_SECONDS = 60
REFUSED = 65  # exit status of ml.engines.convert; EX_DATAERR of sysexits.h


class LiteRT:
    """An interpreter for each batch size. Safe to call from several threads, which take turns."""

    def __init__(self, folder: Path, described: Manifest) -> None:
        """Raises EngineError where LiteRT is missing or the conversion did not come to an end,
        ModelError where it refused the network."""
        try:
            from ai_edge_litert import interpreter
        except ImportError as error:
            raise EngineError(
                f"LiteRT cannot be loaded ({error}): start with make run ENGINE=litert, or install "
                "ai-edge-litert"
            ) from error
        self.device = "CPU (LiteRT)"
        self.folder = folder
        self._open = interpreter.Interpreter
        self._network = converted(folder, described)
        self._interpreters: dict[int, Any] = {}
        self._turn = threading.Lock()

    def outputs(self, x: np.ndarray) -> np.ndarray:
        """Raises ModelError where LiteRT cannot run the network."""
        try:
            with self._turn:
                ready = self._for(x.shape)
                ready.set_tensor(ready.get_input_details()[0]["index"], x)
                ready.invoke()
                answer: np.ndarray = ready.get_tensor(ready.get_output_details()[0]["index"])
                return answer
        except (RuntimeError, ValueError) as error:
            raise ModelError(f"{self.folder} does not run in LiteRT: {_line(error)}") from error

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


def converted(folder: Path, described: Manifest) -> bytes:
    """The network of a folder as LiteRT reads it.

    Made anew at each load, by TensorFlow in a process of its own, whose memory (1 to 1.6 GB) goes
    with it; nothing that was made by another version can be left lying. Raises ModelError where
    the network is refused, EngineError where there was not the time or the memory.
    """
    command = [sys.executable, "-m", "ml.engines.convert", "--parent", str(os.getpid())]
    command += [str(folder.resolve()), described.digest]
    with tempfile.TemporaryDirectory(prefix="kadr-litert-") as name:
        # No GPU is needed for that, and what TensorFlow leaves lying goes with the folder.
        environment = {**os.environ, "CUDA_VISIBLE_DEVICES": "-1", "TMPDIR": name}
        try:
            done = subprocess.run(  # noqa: S603  # our own module
                command,
                cwd=ROOT,
                env=environment,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=CONVERSION_SECONDS,
                check=False,
            )
        except subprocess.TimeoutExpired as error:
            reason = f"it took more than {CONVERSION_SECONDS} s"
            raise EngineError(f"{folder} was not converted for LiteRT: {reason}") from error
    if done.returncode == 0:
        return done.stdout
    reason = _line(done.stderr.decode(errors="replace"))
    if done.returncode == REFUSED:
        raise ModelError(f"{folder} cannot be converted for LiteRT: {reason}")
    if done.returncode < 0:
        reason = f"it was ended by signal {-done.returncode}, and needs up to 1.6 GB of memory"
    raise EngineError(f"{folder} was not converted for LiteRT: {reason}")


def _line(told: object) -> str:
    return (str(told).strip().splitlines() or ["no reason was given"])[-1]


def _cores() -> int:
    """How many this process may use, where the system tells; else, how many there are."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1
