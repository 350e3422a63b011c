"""The scaling rule and the simulator that judges it."""
