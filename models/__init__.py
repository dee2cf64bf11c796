"""Networks and engines, each behind a protocol. Arrays in, arrays out.

What must stay true here:

* no Prefect, no paths but those of weights, no network unless the profile says so;
* a constructor loads weights and nothing else; a missing weight raises `WeightsError`;
* heavy packages are imported inside constructors and methods, never with the module.
"""

from schemas.privacy import switch_off_telemetry

switch_off_telemetry()
