"""What model_training takes beyond the fits that it makes of scikit-learn."""
