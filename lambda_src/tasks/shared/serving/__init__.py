"""Instances to arrays and arrays to predictions, with numpy and onnxruntime alone."""
