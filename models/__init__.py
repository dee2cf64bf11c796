"""Networks and engines behind protocols: arrays in, arrays out.

What must stay true here:

* no Prefect, no paths but those of weights, no network unless the profile says so;
* a constructor loads weights and nothing else; a missing weight raises `WeightsError`;
* heavy packages are imported inside constructors and methods, never with the module.
"""

import os

from schemas.privacy import switch_off_telemetry

switch_off_telemetry()

# Threads of OpenMP that wait must not spin: beside any other work a pass takes five times as long.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

# oneDNN keeps a compiled kernel and its buffers for each shape that it has seen, 1024 of them:
# utterances come in all lengths, and three hours of them would hold a gigabyte.
os.environ.setdefault("ONEDNN_PRIMITIVE_CACHE_CAPACITY", "16")
