"""data_processing beside pandas on the same CSV files: time, processor, memory, and limits."""
