"""Generator programs under axiomatic memory models: threads of events, dependencies, verdicts."""
