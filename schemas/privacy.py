"""Switch off the telemetry of every library before it is imported."""

import os

TELEMETRY_OFF = {
    "DO_NOT_TRACK": "1",
    "HF_HUB_DISABLE_TELEMETRY": "1",
    "ORT_DISABLE_TELEMETRY": "1",
    "OTEL_SDK_DISABLED": "true",
    "PREFECT_SERVER_ANALYTICS_ENABLED": "false",
    "PYANNOTE_METRICS_ENABLED": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
}
"""Prefect's client, Hugging Face, ONNX Runtime (on Linux since 1.29), OpenTelemetry's exporters,
Prefect's server, pyannote, Ray. `deployments/prefect.yaml` sets the same for its runs."""


def switch_off_telemetry() -> None:
    """Set the switches in the environment, for this process and its children."""
    os.environ.update(TELEMETRY_OFF)
