"""The language: state, steps, processes, properties and models; knows nothing of how it is explored."""
