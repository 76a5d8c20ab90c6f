"""The language: state, steps, processes, properties, models. It knows nothing of exploration."""
