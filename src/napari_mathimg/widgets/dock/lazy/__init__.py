"""What docks offer for lazy layers."""
