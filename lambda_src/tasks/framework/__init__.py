"""What every task is built of: forms of values, signatures, answers, evaluation, publication."""
