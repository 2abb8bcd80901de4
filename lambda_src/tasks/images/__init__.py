"""All about images: reading archives and labels, decoding, boxes, features for training."""
