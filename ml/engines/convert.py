"""A network as LiteRT reads it, on standard output: python -m ml.engines.convert FOLDER DIGEST

Ends with its parent. Status 65 and one line of reason where the model is not the one of that digest
or LiteRT knows no such network; any other is the machine's fault.
"""

import argparse
import os
import sys
from pathlib import Path

from ml import cli, manifest
from ml.engines.litert import REFUSED
from ml.engines.network import network
from ml.engines.tensorflow import prepare
from ml.lifetime import end_with_parent


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ml.engines.convert", description=__doc__.split(":")[0]
    )
    parser.add_argument("model", type=Path, metavar="FOLDER", help="a model folder")
    parser.add_argument("digest", metavar="DIGEST", help="of the version that is expected there")
    parser.add_argument("--parent", type=int, default=0, help="process id of whoever wants it")
    args = parser.parse_args()
    end_with_parent(args.parent)
    cli.quiet_tensorflow()
    out = os.fdopen(os.dup(1), "wb")
    os.dup2(2, 1)  # what libraries print does not belong into the network
    try:
        converted = convert(args.model, args.digest)
    except manifest.ModelError as error:
        print(error, file=sys.stderr)
        sys.exit(REFUSED)
    with out:
        out.write(converted)


def convert(folder: Path, digest: str) -> bytes:
    """The network of a folder: uint8 images in, its outputs out, for batches of any size, in single
    precision. Raises ModelError, also where the folder holds another version."""
    prepare()
    import tensorflow as tf
    from tensorflow.lite.python.convert_phase import ConverterError

    described = manifest.read(folder)
    manifest.verify(folder, described)
    if described.digest != digest:
        raise manifest.ModelError(f"{folder} was changed meanwhile")
    built = network(folder, described)
    pictures = tf.TensorSpec((None, described.input_size, described.input_size, 3), tf.uint8)
    function = tf.function(lambda x: built(x, training=False), [pictures])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], function
    )
    try:
        return bytes(converter.convert())
    except (ConverterError, ValueError) as error:
        reason = (str(error).strip().splitlines() or ["no reason was given"])[0]
        raise manifest.ModelError(f"LiteRT does not know such a network: {reason}") from error


if __name__ == "__main__":
    main()
