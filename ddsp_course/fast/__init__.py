"""You need not read this: what is fast and hard to read, each with a readable twin elsewhere.

`crepe` stands in for the network of `ddsp_course.crepe`, `oscillator` and `gru` for the two slowest
parts of a ddsp autoencoder, and `training` puts the latter into a model that learns. Each gives the
plain way's output (tests/test_fast_*.py) in less time (benchmarks/).
"""
