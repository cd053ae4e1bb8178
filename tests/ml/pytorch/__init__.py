"""Tests of ml/pytorch, run where PyTorch is installed: see tests/ml/test_backends.py."""
