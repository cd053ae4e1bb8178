"""What the bare network says of pictures: the runtime in a process of its own, with no service."""

import json
import subprocess
import sys

from benchmarks.service import ROOT
from ml import manifest

MODEL = manifest.DEFAULT
SAME = 1e-3  # the published tolerance, alone or in any batch
CODE = """
import json, sys
from pathlib import Path
import numpy as np
from benchmarks.pictures import jpeg
from ml import preprocess
from ml.runtime import Runtime
runtime = Runtime.load(Path(sys.argv[1]))
size = runtime.manifest.input_size
names = [one["id"] for one in runtime.classes]
numbers = json.load(sys.stdin)
answers = {}
for first in range(0, len(numbers), 128):
    part = numbers[first : first + 128]
    said = runtime.predict(np.stack([preprocess.from_jpeg(jpeg(n), size) for n in part]))
    said = getattr(said, "probabilities", said)
    for number, row in zip(part, said):
        answers[number] = dict(zip(names, map(float, row)))
print(json.dumps(answers))
"""


def ask(numbers: list[int]) -> dict[int, dict[str, float]]:
    """Probabilities by label, by a picture's number."""
    command = [sys.executable, "-c", CODE, str(MODEL)]
    sent = json.dumps(sorted(set(numbers)))
    out = subprocess.run(
        command, cwd=ROOT, input=sent, capture_output=True, text=True, check=True, timeout=600
    )
    return {int(number): row for number, row in json.loads(out.stdout.splitlines()[-1]).items()}


def agrees(label: str, confidence: float, said: dict[str, float]) -> bool:
    """Two labels that are as likely as each other may change places within the tolerance."""
    likeliest = max(said.values())
    return abs(said[label] - confidence) <= SAME and said[label] >= likeliest - 2 * SAME
