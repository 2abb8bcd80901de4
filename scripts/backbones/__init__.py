"""Pretrained networks as ONNX graphs, made of weights that ship in packages."""
