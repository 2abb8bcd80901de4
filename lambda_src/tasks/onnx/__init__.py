"""Models that were trained elsewhere and brought as ONNX: served by the codecs that they name."""
