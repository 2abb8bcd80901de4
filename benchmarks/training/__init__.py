"""What model_training takes beyond the fits that it makes of scikit-learn."""

import os

os.environ.setdefault("OMP_WAIT_POLICY", "passive")  # as tasks.training, before scikit-learn
