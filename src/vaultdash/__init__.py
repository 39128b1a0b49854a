"""Which put hedge would have kept a gold loan from a margin call; what following order flow paid."""
