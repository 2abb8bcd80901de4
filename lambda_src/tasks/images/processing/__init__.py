"""How archives of images become tables of them."""
