"""The pipeline: plain functions that a test calls without Prefect.

What must stay true here:

* small values and paths in and out, never arrays;
* heavy packages are imported inside the stage that uses them;
* a stage that changes what it gives out raises its `STAGE_VERSION`.
"""

from schemas.privacy import switch_off_telemetry

switch_off_telemetry()
