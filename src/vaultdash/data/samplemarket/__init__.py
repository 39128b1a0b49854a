"""The sample market: a synthetic vendor that hands over real DBN bytes, the same ones on every machine."""
