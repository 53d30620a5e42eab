"""The real engine, but for its clock: what viewers get is what something happened for.

Run as the engine's module: `python -m tests.support.rare_ticks TASK-ID`.
"""

import logging
import os
import sys

from syncwizard.engine import process, supervisor

if __name__ == "__main__":
    supervisor.TICK_SECONDS = 3600.0
    code = process.main(sys.argv[1:])
    logging.shutdown()
    sys.stderr.flush()
    os._exit(code)
