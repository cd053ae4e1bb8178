"""Load a model as a worker does, hash and golden answers included: python -m ml.check FOLDER"""

import argparse
from pathlib import Path

from ml import cli
from ml.runtime import Runtime


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m ml.check", description=__doc__.split(":")[0])
    parser.add_argument("model", type=Path, help="a model folder")
    cli.add_engine(parser)
    args = parser.parse_args()
    cli.quiet_tensorflow()
    with cli.one_line_errors():
        runtime = Runtime.load(args.model, args.engine)
        runtime.warm_up()
    print(f"{runtime.id} ({runtime.digest[:12]}) answers as it should on {runtime.device}")


if __name__ == "__main__":
    main()
