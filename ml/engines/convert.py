"""Write a model's network as LiteRT reads it: python -m ml.engines.convert FOLDER FILE"""

import argparse
from pathlib import Path

from ml import cli, manifest, weights
from ml.engines import tensorflow


def main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m ml.engines.convert", description=__doc__.split(":")[0]
    )
    parser.add_argument("model", type=Path, metavar="FOLDER", help="a model folder")
    parser.add_argument("file", type=Path, metavar="FILE", help="what is written")
    args = parser.parse_args()
    cli.quiet_tensorflow()
    with cli.one_line_errors():
        args.file.write_bytes(convert(args.model))


def convert(folder: Path) -> bytes:
    """The network of a folder, uint8 images in, logits out, for batches of any size, in single
    precision. Raises ModelError."""
    tensorflow.prepare()
    import tensorflow as tf

    described = manifest.read(folder)
    network = weights.network(folder, described)
    pictures = tf.TensorSpec((None, described.input_size, described.input_size, 3), tf.uint8)
    function = tf.function(lambda x: network(x, training=False), [pictures])
    converter = tf.lite.TFLiteConverter.from_concrete_functions(
        [function.get_concrete_function()], function
    )
    return bytes(converter.convert())


if __name__ == "__main__":
    main()
