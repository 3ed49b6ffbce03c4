"""The record of the steps that made a result, as plain values, and its placement in the world."""
