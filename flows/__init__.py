"""Prefect flows and the command line: order and parallelism of stages, nothing else."""

from schemas.privacy import switch_off_telemetry

switch_off_telemetry()
