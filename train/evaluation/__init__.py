"""Evaluation of trained models: metrics, calibration, robustness, fairness, plots, model cards."""
