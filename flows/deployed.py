"""Trainings and evaluations as Prefect flows that can be deployed.

The commands `tonescribe train` and `evaluate` call the same functions without a server.
"""

from prefect import flow

from flows.evaluate import evaluate_branch
from flows.train import train as train_branch

train = flow(name="train", flow_run_name="train {branch}", validate_parameters=False)(train_branch)
evaluate = flow(name="evaluate", flow_run_name="evaluate {branch}", validate_parameters=False)(
    evaluate_branch
)
