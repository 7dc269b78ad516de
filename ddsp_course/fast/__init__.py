"""Optional reading: fast but hard-to-read code, each with a readable equivalent elsewhere.

`crepe` replaces the network of `ddsp_course.crepe`, `oscillator` and `gru` the two slowest parts of
a ddsp autoencoder, and `training` puts those two into a model for training. Each gives the same
output as the plain version (tests/test_fast_*.py) in less time (benchmarks/).
"""
