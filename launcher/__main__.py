"""`make run`: check, start, keep running, stop."""

import sys

from launcher import checks, parent
from launcher.leftovers import end_earlier_run
from launcher.lock import OnlyCopy
from launcher.signals import Signals, Stopped
from launcher.site import Site, StartError, read_settings
from launcher.supervisor import Supervisor
from launcher.terminal import say


def main() -> int:
    signals = Signals()
    try:
        run(read_settings(), signals)
    except Stopped:
        say("Stopped.")
    except StartError as failure:
        print(f"Kadr cannot start: {failure}", file=sys.stderr)
        return 1
    except OSError as error:
        print(f"Kadr cannot start: {error.strerror}: {error.filename}", file=sys.stderr)
        return 1
    return 0


def run(site: Site, signals: Signals) -> None:
    parent.die_with_make()
    checks.engine_is_installed(site.engine)
    checks.folder_can_be_written(site.data)
    with OnlyCopy(site, signals) as copy:
        end_earlier_run(site, signals)
        checks.port_is_free(site.host, site.port)
        supervisor = Supervisor(site, signals)
        try:
            supervisor.serve()
        finally:
            copy.is_stopping()
            supervisor.stop()


if __name__ == "__main__":
    sys.exit(main())
