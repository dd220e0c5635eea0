"""What is heard, seen and said: models that take their time, in a process of their own beside the engine."""
