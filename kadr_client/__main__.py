"""python -m kadr_client"""

import sys

from kadr_client.cli import main

if __name__ == "__main__":
    sys.exit(main())
