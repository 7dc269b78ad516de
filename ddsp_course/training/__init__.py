"""Train your own instrument: recordings or a soundfont -> dataset -> training -> instrument.

`data` makes datasets, `run` trains and exports, `scores` evaluates, and `soundfonts` makes audio
without recordings. Explained in notebooks/03_train_your_own/00_train.ipynb.
"""
