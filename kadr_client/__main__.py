"""python -m kadr_client"""

import sys

from kadr_client import cli

if __name__ == "__main__":
    cli.end_by_unwinding()
    sys.exit(cli.main())
