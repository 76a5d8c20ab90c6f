"""Memory models: what a load, a store and a fence mean."""
